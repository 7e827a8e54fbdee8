//! The host: carries one client request through an exchange, as the wasm filter does in Envoy, but
//! cuts every body into random pieces and lets answers arrive in any order, interleaved.
//!
//! It also holds the exchange to its side of the bargain: one reply at most, a request that goes on
//! or is answered and never both, nothing changed that has already left, lengths that are right.

use std::borrow::Cow;
use std::collections::VecDeque;

use mcp_mux_core::effect::{Call, CallId, Counter, Effect, Reply, Verdict};
use mcp_mux_core::event::{CallFailure, Event};
use mcp_mux_core::exchange::{Cx, Exchange};
use mcp_mux_core::http::Headers;
use mcp_mux_core::revoked;

use super::World;
use super::http::{Answer, Got, Head, Request, Response, Seen, Way, change, value};
use super::message::Message;

/// A side call under way and what is still to arrive of its answer.
struct Pending {
    id: CallId,
    events: VecDeque<Piece>,
}

enum Piece {
    Head(Head, bool),
    Body(Vec<u8>, bool),
    Trailers,
    Failed(CallFailure),
}

pub(super) struct Host<'w> {
    world: &'w mut World,
    exchange: Exchange,
    calls: Vec<Pending>,
    request: Message,
    response: Message,
    rerouted: bool,
    answering: bool,
    reply: Option<Reply>,
    counts: Vec<Counter>,
    warnings: Vec<String>,
}

impl<'w> Host<'w> {
    pub(super) fn new(world: &'w mut World) -> Self {
        Self {
            world,
            exchange: Exchange::default(),
            calls: Vec::new(),
            request: Message::default(),
            response: Message::default(),
            rerouted: false,
            answering: false,
            reply: None,
            counts: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Carries the request to its end.
    pub(super) fn run(mut self, request: &Request) -> Got {
        self.request.head.clone_from(&request.head);
        let mut pieces = self.cut(&request.head, &request.body, request.trailers);
        while self.reply.is_none() {
            let choices = self.calls.len() + usize::from(!pieces.is_empty());
            if choices == 0 {
                break;
            }
            let at = self.world.chance.below(choices);
            if at < self.calls.len() {
                self.call_piece(at);
            } else if let Some(piece) = pieces.pop_front() {
                self.request_piece(&piece);
            }
        }
        let Some(reply) = self.reply.take() else { return self.answered(request) };
        assert!(!self.request.gone, "answered, and went on");
        for piece in pieces {
            let noted = (self.counts.len(), self.warnings.len());
            assert_eq!(self.request_piece(&piece), Verdict::Hold, "goes on after the answer");
            assert!(self.reply.is_none() && noted == (self.counts.len(), self.warnings.len()));
        }
        self.replied(Way::Replied, None, reply)
    }

    /// The request went on; its answer comes back.
    fn answered(mut self, request: &Request) -> Got {
        assert!(self.request.gone, "no answer, and nothing to wait for");
        self.request.check_length();
        let mut head = self.request.head.clone();
        let cluster = value(&head, "x-mcp-cluster").map(<[u8]>::to_vec);
        head.retain(|(name, _)| name != "x-mcp-cluster");
        let body = self.request.body.clone();
        let forged = value(&request.head, "x-mcp-cluster").is_some();
        assert_eq!(self.rerouted, cluster.is_some() || forged, "the route is chosen again");
        let way = if cluster.is_some() { Way::Routed } else { Way::Passed };
        let cluster = String::from_utf8(cluster.unwrap_or_default()).expect("a cluster");
        let went = Seen { cluster, routed: true, head, body };
        let response = match way {
            Way::Routed => self.world.ask(&went),
            _ => Answer::Says(self.world.elsewhere.clone()),
        };
        let envoys = |status, body: &str| Response::new(status, "text/plain", body);
        let mut response = match response {
            Answer::NotSent => envoys(503, "no healthy upstream"),
            Answer::Silent => envoys(504, "upstream request timeout"),
            Answer::Says(response) => response,
            Answer::TooLarge => panic!("a routed answer has no limit"),
        };
        let length = response.body.len().to_string();
        if self.world.chance.one_in(2) && !response.trailers {
            response = response.with("content-length", length);
        }
        response.head.insert(0, (":status".to_owned(), response.status.to_string().into_bytes()));
        self.response.head.clone_from(&response.head);
        self.answering = true;
        for piece in self.cut(&response.head, &response.body, response.trailers) {
            self.response_piece(&piece);
            if let Some(reply) = self.reply.take() {
                assert!(!self.response.gone, "a second answer");
                return self.replied(way, Some(went), reply);
            }
        }
        assert!(self.response.gone, "the answer is held for ever");
        self.response.check_length();
        let Message { mut head, body, .. } = self.response;
        let status = String::from_utf8_lossy(&head.remove(0).1).parse().expect("a status");
        let (counts, warnings) = (self.counts, self.warnings);
        Got { way, status, head, body, went: Some(went), counts, warnings }
    }

    fn replied(self, way: Way, went: Option<Seen>, reply: Reply) -> Got {
        assert!(self.calls.is_empty(), "answered before every side call has ended");
        let Reply { status, headers, body } = reply;
        let head = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Got { way, status, head, body, went, counts: self.counts, warnings: self.warnings }
    }

    fn cut(&mut self, head: &Head, body: &[u8], trailers: bool) -> VecDeque<Piece> {
        let chance = &mut self.world.chance;
        let bare = body.is_empty() && !trailers && chance.one_in(2);
        let mut pieces = VecDeque::from([Piece::Head(head.clone(), bare)]);
        if bare {
            return pieces;
        }
        let cuts = chance.pieces(body.len());
        pieces.extend(cuts.into_iter().map(|cut| Piece::Body(body[cut].to_vec(), false)));
        match pieces.back_mut() {
            _ if trailers => pieces.push_back(Piece::Trailers),
            Some(Piece::Body(_, end)) => *end = true,
            _ => pieces.push_back(Piece::Body(Vec::new(), true)),
        }
        pieces
    }

    fn request_piece(&mut self, piece: &Piece) -> Verdict {
        let watched = self.exchange.watches_request();
        let (verdict, chunk) = match piece {
            Piece::Head(head, end) => {
                let headers = borrowed(head);
                let headers = Headers(&headers);
                (self.handle(Event::RequestHead { headers, end: *end }), &[][..])
            }
            Piece::Body(chunk, end) => {
                (self.handle(Event::RequestBody { chunk, end: *end }), chunk.as_slice())
            }
            Piece::Trailers => (self.handle(Event::RequestTrailers), &[][..]),
            Piece::Failed(_) => unreachable!("of a request"),
        };
        assert!(watched || verdict == Verdict::Pass, "holds what it does not watch");
        if verdict == Verdict::Pass {
            self.request.pass(chunk);
        }
        verdict
    }

    fn response_piece(&mut self, piece: &Piece) {
        let watched = self.exchange.watches_response();
        let noted = self.counts.len();
        let (verdict, chunk) = match piece {
            Piece::Head(head, end) => {
                let headers = borrowed(head);
                let headers = Headers(&headers);
                (self.handle(Event::ResponseHead { headers, overflow: false, end: *end }), &[][..])
            }
            Piece::Body(chunk, end) => {
                (self.handle(Event::ResponseBody { chunk, end: *end }), chunk.as_slice())
            }
            Piece::Trailers => (self.handle(Event::ResponseTrailers), &[][..]),
            Piece::Failed(_) => unreachable!("of a response"),
        };
        assert!(watched || verdict == Verdict::Pass, "holds what it does not watch");
        assert!(watched || noted == self.counts.len(), "counts what it does not watch");
        if verdict == Verdict::Pass {
            self.response.pass(chunk);
        }
    }

    fn call_piece(&mut self, at: usize) {
        let Pending { id: call, events } = &mut self.calls[at];
        let call = *call;
        let Some(piece) = events.pop_front() else { unreachable!("an answer without pieces") };
        if events.is_empty() {
            self.calls.swap_remove(at);
        }
        match piece {
            Piece::Head(head, bare) => {
                let headers = borrowed(&head);
                self.handle(Event::CallHead { call, headers: Headers(&headers) });
                if bare {
                    self.handle(Event::CallBody { call, chunk: Cow::Borrowed(&[]), end: true });
                }
            }
            Piece::Body(chunk, end) => {
                let owned = self.world.chance.one_in(2);
                let chunk = if owned { Cow::Owned(chunk) } else { Cow::Borrowed(&chunk[..]) };
                self.handle(Event::CallBody { call, chunk, end });
            }
            Piece::Failed(failure) => {
                self.handle(Event::CallFailed { call, failure });
            }
            Piece::Trailers => unreachable!("hosts end a call's body without them"),
        }
    }

    /// Hands an event over and carries out what comes back, then the failures of that.
    fn handle(&mut self, event: Event<'_>) -> Verdict {
        let mut cx = Cx { gateway: &self.world.gateway, ambient: &mut self.world.ambient };
        let step = self.exchange.handle(&mut cx, event);
        let mut refused = self.carry_out(step.effects);
        while let Some(call) = refused.pop_front() {
            let failed = Event::CallFailed { call, failure: CallFailure::NotSent };
            let mut cx = Cx { gateway: &self.world.gateway, ambient: &mut self.world.ambient };
            let step = self.exchange.handle(&mut cx, failed);
            refused.extend(self.carry_out(step.effects));
        }
        step.verdict
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> VecDeque<CallId> {
        let mut refused = VecDeque::new();
        for effect in effects {
            match effect {
                Effect::Call(call) => refused.extend(self.call(call)),
                Effect::Reroute => self.rerouted = true,
                Effect::RequestHeader(it) => {
                    assert!(!self.request.gone, "the head has left: {it:?}");
                    change(&mut self.request.head, it);
                }
                Effect::RequestBody(bytes) => self.request.replaced = Some(bytes),
                Effect::ResponseHeader(it) => {
                    assert!(self.answering && !self.response.gone, "no such head: {it:?}");
                    change(&mut self.response.head, it);
                }
                Effect::ResponseBody(bytes) => self.response.replaced = Some(bytes),
                Effect::ResponseTail(bytes) => self.response.tail = bytes,
                Effect::Reply(reply) => {
                    assert!(self.reply.replace(reply).is_none(), "a second reply");
                }
                Effect::Count(counter, by) => {
                    assert!(by > 0);
                    self.counts.push(counter);
                }
                Effect::Warn(line) => self.warnings.push(line),
                Effect::Revoke { tag, expires } => {
                    let ambient = &mut self.world.ambient;
                    let slot = ambient.shared.entry(revoked::slot_key(tag)).or_default();
                    *slot = revoked::insert(slot, tag, expires, ambient.now);
                }
            }
        }
        refused
    }

    /// Sends a side call; its name if it could not be sent.
    fn call(&mut self, call: Call) -> Option<CallId> {
        let Call { id, cluster, headers: head, body, timeout } = call;
        assert!(!timeout.is_zero());
        let seen = Seen { cluster, routed: false, head, body };
        let events = match self.world.ask(&seen) {
            Answer::NotSent => return Some(id),
            Answer::Silent => VecDeque::from([Piece::Failed(CallFailure::NoAnswer)]),
            Answer::TooLarge => VecDeque::from([Piece::Failed(CallFailure::TooLarge)]),
            Answer::Says(Response { status, mut head, body, .. }) => {
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                self.cut(&head, &body, false)
            }
        };
        self.calls.push(Pending { id, events });
        None
    }
}

fn borrowed(head: &Head) -> Vec<(&[u8], &[u8])> {
    head.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
}
