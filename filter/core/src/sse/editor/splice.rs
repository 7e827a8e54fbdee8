//! Copies bytes with changes; without a change it copies nothing.

use crate::bytes::Passed;

/// Copies one source. Places in it are named by what follows them: by suffixes of it.
pub(super) struct Splice<'s, 'o> {
    /// What is not copied yet: it stays as it is, up to the next change.
    left: &'s [u8],
    out: &'o mut Vec<u8>,
    passed: Passed,
}

impl<'s, 'o> Splice<'s, 'o> {
    pub(super) fn new(source: &'s [u8], out: &'o mut Vec<u8>) -> Self {
        Self { left: source, out, passed: Passed::AsIs }
    }

    /// Writes `new` in place of what lies between two places, both behind those of the call before.
    pub(super) fn replace(&mut self, from: &[u8], new: &[u8], to: &'s [u8]) {
        self.out.extend_from_slice(until(self.left, from));
        self.out.extend_from_slice(new);
        self.left = to;
        self.passed = Passed::Changed;
    }

    /// Leaves out a line and its end.
    pub(super) fn remove(&mut self, from: &[u8], to: &'s [u8]) {
        self.replace(from, b"", to);
        // A CR before it and an LF behind it were the ends of two lines, not of one.
        if self.out.ends_with(b"\r") && to.starts_with(b"\n") {
            self.out.push(b'\n');
        }
    }

    /// Copies the rest, if anything has changed.
    pub(super) fn finish(self) -> Passed {
        if self.passed == Passed::Changed {
            self.out.extend_from_slice(self.left);
        }
        self.passed
    }
}

/// What lies between the start of `bytes` and the place that `rest`, their end, is at.
pub(super) fn until<'b>(bytes: &'b [u8], rest: &[u8]) -> &'b [u8] {
    bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default()
}
