//! A message on its way through the filter, as Envoy holds it.

use std::collections::VecDeque;

use mcp_mux_core::event::CallFailure;

use super::Chance;
use super::http::{Head, value};

/// A message on its way through the filter.
#[derive(Default)]
pub(super) struct Message {
    pub(super) head: Head,
    /// The head has left and cannot change any more.
    pub(super) gone: bool,
    /// All of it has left.
    pub(super) complete: bool,
    /// What has left of the body.
    pub(super) body: Vec<u8>,
    /// What an effect put in place of the bytes held.
    pub(super) replaced: Option<Vec<u8>>,
    /// What an effect put before the bytes that have come now.
    pub(super) lead: Vec<u8>,
}

impl Message {
    /// Lets `chunk` go, or what took its place.
    pub(super) fn pass(&mut self, chunk: &[u8]) {
        self.gone = true;
        self.body.append(&mut self.lead);
        match self.replaced.take() {
            Some(bytes) => self.body.extend(bytes),
            None => self.body.extend_from_slice(chunk),
        }
    }

    pub(super) fn check_length(&self) {
        if let Some(length) = value(&self.head, "content-length") {
            assert_eq!(String::from_utf8_lossy(length), self.body.len().to_string(), "length");
        }
    }
}

/// A part of a message, as it arrives.
pub(super) enum Piece {
    Head(Head, bool),
    Body(Vec<u8>, bool),
    Trailers,
    Failed(CallFailure),
}

/// A message in random pieces, with an end that is told in one of the ways there are.
pub(super) fn cut(
    chance: &mut Chance,
    head: &Head,
    body: &[u8],
    trailers: bool,
) -> VecDeque<Piece> {
    let bare = body.is_empty() && !trailers && chance.one_in(2);
    let mut pieces = VecDeque::from([Piece::Head(head.clone(), bare)]);
    if bare {
        return pieces;
    }
    let cuts = chance.pieces(body.len());
    pieces.extend(cuts.into_iter().map(|cut| Piece::Body(body[cut].to_vec(), false)));
    match pieces.back_mut() {
        _ if trailers => pieces.push_back(Piece::Trailers),
        Some(Piece::Body(_, end)) if chance.one_in(2) => *end = true,
        // Envoy tells the end of a body in HTTP/1 by itself.
        _ => pieces.push_back(Piece::Body(Vec::new(), true)),
    }
    pieces
}
