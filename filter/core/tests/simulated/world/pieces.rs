//! Hands the stream one piece of a message after another, and checks what it does with each.

use std::borrow::Cow;

use mcp_mux_core::Headers;
use mcp_mux_core::effect::Verdict;
use mcp_mux_core::event::CallFailure;

use super::World;
use super::host::{Host, Pending, borrowed};
use super::message::Piece;

impl Host<'_> {
    /// Whether there happens to be no memory left for the next bytes.
    fn is_full(&mut self) -> bool {
        let World { scarcity, chance, .. } = &mut *self.world;
        scarcity.is_some_and(|scarcity| chance.one_in(scarcity))
    }

    pub(super) fn request_piece(&mut self, piece: &Piece) -> Verdict {
        let stream = self.stream.clone();
        let watched = stream.watches_request();
        let (verdict, chunk) = match piece {
            Piece::Head(head, end) => {
                let headers = borrowed(head);
                (stream.request_head(self, Headers(&headers), *end), &[][..])
            }
            Piece::Body(chunk, end) => {
                self.full = watched && self.is_full();
                let verdict = stream.request_body(self, chunk.len(), *end, || chunk);
                (verdict, chunk.as_slice())
            }
            Piece::Trailers => (stream.request_trailers(self), &[][..]),
            Piece::Failed(_) => unreachable!("of a request"),
        };
        assert!(watched || verdict == Verdict::Pass, "holds what it does not watch");
        if verdict == Verdict::Pass {
            self.request.pass(chunk);
            let end =
                matches!(piece, Piece::Head(_, true) | Piece::Body(_, true) | Piece::Trailers);
            self.request.complete |= end;
        }
        self.world.streamed += usize::from(stream.streams_request());
        verdict
    }

    pub(super) fn response_piece(&mut self, piece: &Piece) {
        let stream = self.stream.clone();
        let watched = stream.watches_response();
        let noted = self.counts.len();
        let (verdict, chunk) = match piece {
            Piece::Head(head, end) => {
                let (headers, source) = (borrowed(head), self.source);
                (stream.response_head(self, Headers(&headers), source, *end), &[][..])
            }
            Piece::Body(chunk, end) => {
                self.full = watched && self.is_full();
                let verdict = stream.response_body(self, chunk.len(), *end, || chunk);
                (verdict, chunk.as_slice())
            }
            Piece::Trailers => (stream.response_trailers(self), &[][..]),
            Piece::Failed(_) => unreachable!("of a response"),
        };
        assert!(watched || verdict == Verdict::Pass, "holds what it does not watch");
        assert!(watched || noted == self.counts.len(), "counts what it does not watch");
        if verdict == Verdict::Pass {
            self.response.pass(chunk);
        }
    }

    pub(super) fn call_piece(&mut self, at: usize) {
        if !self.world.meanwhile.is_empty() && self.world.chance.one_in(2) {
            let request = self.world.meanwhile.remove(0);
            let got = self.world.send(&request);
            self.world.concurrent.push(got);
        }
        let stream = self.stream.clone();
        if self.is_full() {
            let Pending { id: call, .. } = self.calls.swap_remove(at);
            stream.call_failed(self, call, CallFailure::OverBudget);
            return;
        }
        let Pending { id: call, events } = &mut self.calls[at];
        let call = *call;
        let Some(piece) = events.pop_front() else { unreachable!("an answer without pieces") };
        if events.is_empty() {
            self.calls.swap_remove(at);
        }
        match piece {
            Piece::Head(head, bare) => {
                let headers = borrowed(&head);
                stream.call_head(self, call, Headers(&headers));
                if bare {
                    stream.call_body(self, call, Cow::Borrowed(&[]), true);
                }
            }
            Piece::Body(chunk, end) => {
                let owned = self.world.chance.one_in(2);
                let chunk = if owned { Cow::Owned(chunk) } else { Cow::Borrowed(&chunk[..]) };
                stream.call_body(self, call, chunk, end);
            }
            Piece::Failed(failure) => stream.call_failed(self, call, failure),
            Piece::Trailers => unreachable!("hosts end a call's body without them"),
        }
    }
}
