//! Bytes in pieces, so that what is long need not be copied to be joined, kept and sent.

use std::sync::Arc;

/// From this length on bytes are a piece of their own.
const APART: usize = 64 * 1024;

/// Bytes in pieces, which others may have as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces(Vec<Arc<Vec<u8>>>);

impl Pieces {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.is_empty())
    }

    /// The pieces, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Vec<u8>>> {
        self.0.iter()
    }

    /// All bytes, one behind the other.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        if let [_] = &*self.0
            && let Some(only) = self.0.pop()
        {
            return Arc::unwrap_or_clone(only);
        }
        let mut bytes = Vec::with_capacity(self.len());
        self.0.iter().for_each(|piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// How many bytes of memory they take up.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|piece| piece.capacity()).sum()
    }
}

/// Makes pieces of bytes that come one after the other. What is short is copied into one piece with its neighbours.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    pieces: Vec<Arc<Vec<u8>>>,
    last: Vec<u8>,
}

impl Joiner {
    /// Adds bytes, which are copied.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes);
    }

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: Vec<u8>) {
        if bytes.len() < APART {
            self.write(&bytes);
        } else {
            self.part();
            self.pieces.push(Arc::new(bytes));
        }
    }

    /// Adds a piece that others have as well.
    pub(crate) fn share(&mut self, piece: &Arc<Vec<u8>>) {
        if piece.len() < APART {
            self.write(piece);
        } else {
            self.part();
            self.pieces.push(Arc::clone(piece));
        }
    }

    /// What was added.
    pub(crate) fn finish(mut self) -> Pieces {
        self.part();
        Pieces(self.pieces)
    }

    /// Ends the piece that short bytes are copied into.
    fn part(&mut self) {
        if !self.last.is_empty() {
            self.pieces.push(Arc::new(std::mem::take(&mut self.last)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_not_copied_and_all_of_it_stays_in_order() {
        let long = vec![b'x'; APART];
        let at = long.as_ptr();
        let mut first = Joiner::default();
        first.write(b"[");
        first.add(b"1,".to_vec());
        first.add(long);
        first.write(b"]");
        let first = first.finish();
        let lengths: Vec<usize> = first.iter().map(|piece| piece.len()).collect();
        assert_eq!(lengths, [3, APART, 1]);
        let mut second = Joiner::default();
        second.write(b"(");
        first.iter().for_each(|piece| second.share(piece));
        second.write(b")");
        let second = second.finish();
        assert!(second.iter().any(|piece| piece.as_ptr() == at), "the same bytes");
        assert_eq!((second.len(), second.is_empty()), (APART + 6, false));
        let text = String::from_utf8(second.into_bytes()).unwrap();
        assert_eq!(text, format!("([1,{}])", "x".repeat(APART)));
    }

    #[test]
    fn one_piece_that_nobody_else_has_is_handed_out_as_it_is() {
        let mut joiner = Joiner::default();
        assert!(Joiner::default().finish().is_empty());
        joiner.add(vec![b'x'; APART]);
        let pieces = joiner.finish();
        let at = pieces.iter().next().unwrap().as_ptr();
        let bytes = pieces.into_bytes();
        assert_eq!(bytes.as_ptr(), at);
    }
}
