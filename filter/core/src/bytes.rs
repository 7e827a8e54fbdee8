//! What editors of byte streams have in common, whatever they edit.

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Passed {
    /// The chunk goes on as it is; nothing was added to the output.
    AsIs,
    /// What goes on in its place, if anything, was added to the output.
    Changed,
}
