//! The host: carries one client request through a stream, as the wasm filter does in Envoy, but
//! cuts every body into random pieces and lets answers arrive in any order, interleaved.
//!
//! It also holds the stream to its side of the bargain: one reply at most, a request that goes on
//! or is answered and never both, nothing changed that has already left, lengths that are right.

use std::collections::VecDeque;
use std::rc::Rc;

use mcp_mux_core::effect::{CallId, Counter, Reply, Verdict};
use mcp_mux_core::event::Source;
use mcp_mux_core::gateway::UpstreamId;
use mcp_mux_driver::Stream;

use super::World;
use super::http::{Answer, Got, Head, Request, Response, Seen, Way, value};
use super::message::{Message, Piece, cut};

/// A side call under way and what is still to arrive of its answer.
pub(super) struct Pending {
    pub(super) id: CallId,
    pub(super) events: VecDeque<Piece>,
}

pub(super) struct Host<'w> {
    pub(super) world: &'w mut World,
    pub(super) stream: Rc<Stream>,
    /// Whether there is no memory left for the piece at hand.
    pub(super) full: bool,
    pub(super) calls: Vec<Pending>,
    pub(super) request: Message,
    pub(super) response: Message,
    pub(super) rerouted: bool,
    pub(super) answering: bool,
    /// Who makes the answer.
    pub(super) source: Source,
    pub(super) reply: Option<Reply>,
    pub(super) counts: Vec<Counter>,
    pub(super) faults: Vec<(UpstreamId, &'static str)>,
    pub(super) warnings: Vec<String>,
    /// What was recorded of the request, and what an access log would have.
    pub(super) told: Vec<String>,
}

impl<'w> Host<'w> {
    pub(super) fn new(world: &'w mut World, stream: Rc<Stream>) -> Self {
        Self {
            world,
            stream,
            full: false,
            calls: Vec::new(),
            request: Message::default(),
            response: Message::default(),
            rerouted: false,
            answering: false,
            source: Source::Upstream,
            reply: None,
            counts: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Carries the request to its end.
    pub(super) fn run(mut self, request: &Request) -> Got {
        self.request.head.clone_from(&request.head);
        let mut pieces = self.cut(&request.head, &request.body, request.trailers);
        while self.reply.is_none() {
            // What nobody waits for may be answered later than the request.
            if self.request.gone && pieces.is_empty() && self.world.chance.one_in(2) {
                break;
            }
            let choices = self.calls.len() + usize::from(!pieces.is_empty());
            if choices == 0 {
                break;
            }
            let head_seen = !matches!(pieces.front(), Some(Piece::Head(..)));
            let held = head_seen && !self.request.gone && self.calls.is_empty();
            if self.world.overflows && held && self.world.chance.one_in(2) {
                self.source = Source::Overflow;
                let response = Response::new(413, "text/plain", "Payload Too Large");
                return self.respond(Way::Replied, None, response);
            }
            let waits = !self.request.gone && !self.calls.is_empty();
            if self.world.overdue && waits && self.world.chance.one_in(12) {
                self.source = Source::Proxy;
                let response = Response::new(504, "text/plain", "stream timeout");
                return self.respond(Way::Replied, None, response);
            }
            let at = self.world.chance.below(choices);
            if at < self.calls.len() {
                self.call_piece(at);
            } else if let Some(piece) = pieces.pop_front() {
                self.request_piece(&piece);
            }
        }
        let Some(reply) = self.reply.take() else { return self.answered(request) };
        assert!(!self.request.complete, "answered, and went on");
        for piece in pieces {
            assert_eq!(self.request_piece(&piece), Verdict::Hold, "goes on after the answer");
        }
        self.answer_late();
        // What had gone on of a large request is broken off.
        let went = self.request.gone.then(|| self.went());
        self.replied(Way::Replied, went, reply)
    }

    /// The request as it went on.
    fn went(&self) -> Seen {
        let mut head = self.request.head.clone();
        let cluster = value(&head, "x-mcp-cluster").map(<[u8]>::to_vec);
        head.retain(|(name, _)| name != "x-mcp-cluster");
        let cluster = String::from_utf8(cluster.unwrap_or_default()).expect("a cluster");
        Seen { cluster, routed: true, head, body: self.request.body.clone() }
    }

    /// The request went on; its answer comes back.
    fn answered(mut self, request: &Request) -> Got {
        assert!(self.request.gone, "no answer, and nothing to wait for");
        self.request.check_length();
        let went = self.went();
        let routed = value(&self.request.head, "x-mcp-cluster").is_some();
        let forged = value(&request.head, "x-mcp-cluster").is_some();
        assert_eq!(self.rerouted, routed || forged, "the route is chosen again");
        let way = if routed { Way::Routed } else { Way::Passed };
        let routeless = self.world.routeless;
        let response = match way {
            Way::Routed if routeless => Response::new(404, "", "").says(),
            Way::Routed => self.world.ask(&went),
            _ => Answer::Says(self.world.elsewhere.clone()),
        };
        for request in std::mem::take(&mut self.world.between) {
            let got = self.world.send(&request);
            self.world.concurrent.push(got);
        }
        if routeless || !matches!(response, Answer::Says(_)) {
            self.source = Source::Proxy;
        }
        let envoys = |status, body: &str| Response::new(status, "text/plain", body);
        let response = match response {
            Answer::NotSent => envoys(503, "no healthy upstream"),
            Answer::Silent => envoys(504, "upstream request timeout"),
            Answer::Says(response) => response,
            Answer::TooLarge => panic!("a routed answer has no limit"),
        };
        self.respond(way, Some(went), response)
    }

    /// An answer that is not the exchange's own goes through it to the client.
    fn respond(mut self, way: Way, went: Option<Seen>, mut response: Response) -> Got {
        let seen = self.world.seen.len();
        let length = response.body.len().to_string();
        if self.world.chance.one_in(2) && !response.trailers {
            response = response.with("content-length", length);
        }
        response.head.insert(0, (":status".to_owned(), response.status.to_string().into_bytes()));
        self.response.head.clone_from(&response.head);
        self.answering = true;
        for piece in self.cut(&response.head, &response.body, response.trailers) {
            self.response_piece(&piece);
            // A host without memory may begin a retry before the answer has ended.
            while self.reply.is_none() && !self.calls.is_empty() && self.world.chance.one_in(2) {
                let at = self.world.chance.below(self.calls.len());
                self.call_piece(at);
            }
            if let Some(reply) = self.reply.take() {
                assert!(!self.response.gone, "a second answer");
                self.answer_late();
                return self.replied(way, went, reply);
            }
        }
        while !self.calls.is_empty() {
            let at = self.world.chance.below(self.calls.len());
            self.call_piece(at);
            if let Some(reply) = self.reply.take() {
                assert!(!self.response.gone, "a second answer");
                self.answer_late();
                return self.replied(way, went, reply);
            }
        }
        assert!(self.response.gone, "the answer is held for ever");
        assert!(
            self.request.gone || seen == self.world.seen.len(),
            "sends what Envoy has answered"
        );
        self.response.check_length();
        self.check_end();
        let Message { mut head, body, .. } = self.response;
        let status = String::from_utf8_lossy(&head.remove(0).1).parse().expect("a status");
        let (counts, faults) = (self.counts, self.faults);
        let (warnings, told) = (self.warnings, self.told);
        Got { way, status, head, body, went, counts, faults, warnings, told }
    }

    /// Side calls that nobody waits for any more are answered, and nothing comes of it.
    fn answer_late(&mut self) {
        let noted = (self.counts.len(), self.warnings.len(), self.world.seen.len());
        self.world.meanwhile.clear();
        while !self.calls.is_empty() {
            self.call_piece(0);
        }
        let after = (self.counts.len(), self.warnings.len(), self.world.seen.len());
        assert!(self.reply.is_none() && noted == after, "something comes of a late answer");
    }

    fn replied(self, way: Way, went: Option<Seen>, reply: Reply) -> Got {
        let Reply { status, headers, body } = reply;
        self.check_end();
        let head = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (counts, faults) = (self.counts, self.faults);
        let (warnings, told) = (self.warnings, self.told);
        Got { way, status, head, body, went, counts, faults, warnings, told }
    }

    fn check_end(&self) {
        let requests = self.counts.iter().filter(|it| matches!(it, Counter::Request { .. }));
        assert!(requests.count() <= 1, "counted twice: {:?}", self.counts);
        assert_eq!(self.stream.held(), 0, "holds what is answered");
    }

    pub(super) fn cut(&mut self, head: &Head, body: &[u8], trailers: bool) -> VecDeque<Piece> {
        if self.world.at_once {
            let (body, end) = (Piece::Body(body.to_vec(), false), Piece::Body(Vec::new(), true));
            return VecDeque::from([Piece::Head(head.clone(), false), body, end]);
        }
        cut(&mut self.world.chance, head, body, trailers)
    }
}

pub(super) fn borrowed(head: &Head) -> Vec<(&[u8], &[u8])> {
    head.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
}
