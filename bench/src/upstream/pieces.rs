//! A body of pieces that exist already.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// A body of pieces, each sent without being copied. A stream says nothing of its length, and what
/// belongs together (an event) is on its way before the next one is begun.
pub(crate) struct Pieces {
    groups: VecDeque<VecDeque<Bytes>>,
    /// The length, where it is told.
    length: Option<u64>,
    /// Whether a group has just ended.
    between: bool,
    /// Whether there is no end, though nothing comes.
    endless: bool,
}

impl Pieces {
    /// A body whose length is told.
    pub(crate) fn whole(pieces: Vec<Bytes>) -> Self {
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self {
            groups: VecDeque::from([pieces.into()]),
            length: Some(length),
            between: false,
            endless: false,
        }
    }

    /// A body in groups.
    pub(crate) fn stream(groups: Vec<Vec<Bytes>>) -> Self {
        let groups = groups.into_iter().map(VecDeque::from).collect();
        Self { groups, length: None, between: false, endless: false }
    }

    /// A body that is open for as long as its client wants it to be, with a comment at its beginning.
    pub(crate) fn endless() -> Self {
        Self { endless: true, ..Self::stream(vec![vec![Bytes::from_static(b":\n\n")]]) }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::take(&mut self.between) {
            // The server writes what it has when the body has no more for now.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let endless = self.endless;
        let Some(group) = self.groups.front_mut() else {
            return if endless { Poll::Pending } else { Poll::Ready(None) };
        };
        let piece = group.pop_front();
        if group.is_empty() {
            self.groups.pop_front();
            self.between = !self.groups.is_empty();
        }
        if let (Some(length), Some(piece)) = (&mut self.length, &piece) {
            *length = length.saturating_sub(piece.len() as u64);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        !self.endless && self.groups.iter().all(VecDeque::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
