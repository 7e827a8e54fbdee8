//! Reads a list in parts.

use super::{Read, Scan};

impl Scan<'_> {
    /// Reads some elements of a list, until these are so many bytes: from its bracket on if they are the `first`, else from
    /// behind a comma. Whether the list has ended.
    ///
    /// # Errors
    ///
    /// [`Malformed`](super::Malformed).
    pub(crate) fn some_elements(
        &mut self,
        first: bool,
        most: usize,
        mut element: impl FnMut(&mut Self) -> Read<()>,
    ) -> Read<bool> {
        let before = self.left();
        if first {
            self.expect(b'[')?;
            if self.closes(b']') {
                return Ok(true);
            }
        }
        loop {
            element(self)?;
            let ends = self.ends(b']')?;
            if ends || before - self.left() >= most {
                return Ok(ends);
            }
        }
    }
}
