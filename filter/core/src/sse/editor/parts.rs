//! Takes long lines in parts.
//!
//! A chunk may be as long as all that a host reads before it looks elsewhere, a megabyte. By its first part a long line
//! is known to be one, so that it streams: the rest is neither searched twice nor copied. And what fits into the caches
//! of a processor is gone over faster.

use memchr::memrchr2;

use super::flow::LONG;
use super::splice::until;
use super::{Edit, Editor};
use crate::bytes::Passed;

/// How long a part is, in bytes.
const PART: usize = 2 * LONG;

impl Editor {
    /// Takes the next bytes of the stream, and appends to `out` what may be sent, unless that is exactly
    /// the chunk.
    pub(crate) fn feed(&mut self, chunk: &[u8], edit: &mut impl Edit, out: &mut Vec<u8>) -> Passed {
        let begin = out.len();
        let mut passed = Passed::AsIs;
        let mut rest = chunk;
        while let Some((part, behind)) = cut(rest) {
            match (passed, self.take(part, edit, out)) {
                (Passed::AsIs, Passed::AsIs) | (Passed::Changed, Passed::Changed) => {}
                (Passed::Changed, Passed::AsIs) => out.extend_from_slice(part),
                (Passed::AsIs, Passed::Changed) => {
                    let changed = out.split_off(begin);
                    out.extend_from_slice(until(chunk, rest));
                    out.extend_from_slice(&changed);
                    passed = Passed::Changed;
                }
            }
            rest = behind;
        }
        passed
    }
}

/// Cuts the next part off, which is all there is unless it breaks off in a long line: events that could be read where
/// they are would be held.
fn cut(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (part, behind) = rest.split_at_checked(PART).unwrap_or((rest, &[]));
    let end = part.get(LONG..).and_then(|tail| memrchr2(b'\n', b'\r', tail));
    let (part, behind) = if end.is_some() { (rest, &[][..]) } else { (part, behind) };
    (!part.is_empty()).then_some((part, behind))
}
