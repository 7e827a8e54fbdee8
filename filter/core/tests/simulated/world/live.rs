//! A client that listens, in a host that streams: its answer comes in parts, calls for it stay open, and time
//! passes when a test says so.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use mcp_mux_core::Headers;
use mcp_mux_core::effect::{CallId, CallKey, Counter, Reply, ReplyHead};
use mcp_mux_core::event::CallFailure;
use mcp_mux_driver::Stream;

use super::host::borrowed;
use super::live_host::LiveHost;
use super::message::Piece;
use super::{Request, World};

/// A client and what it has got.
pub(crate) struct Live {
    stream: Rc<Stream>,
    pub(super) calls: Vec<Call>,
    pub(crate) head: Option<ReplyHead>,
    /// The answer, if it is a whole one.
    pub(crate) reply: Option<Reply>,
    /// What has come since it was asked last.
    pub(super) out: Vec<u8>,
    pub(crate) is_ended: bool,
    /// When the timer goes off.
    pub(super) timer: Option<u64>,
    pub(crate) cancelled: usize,
    pub(crate) counts: Vec<Counter>,
    pub(crate) warnings: Vec<String>,
    pub(super) is_slow: bool,
    /// Whether it is to be woken up, as something has come on another worker.
    pub(super) woken: Arc<Woken>,
}

/// Whether a client's stream is to be woken up.
#[derive(Default)]
pub(super) struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A call that is under way.
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) cluster: String,
    /// What is still to be handed over.
    pub(super) pieces: VecDeque<Piece>,
    /// Whether it stays open behind that.
    pub(super) is_open: bool,
    /// What it is known by when it is parked.
    pub(super) key: Option<CallKey>,
}

impl World {
    /// In a host that streams.
    pub(crate) fn streaming(config: &serde_json::Value) -> Self {
        let mut world = Self::new(config);
        world.abilities.streams = true;
        world.configure(super::gateway_in(config, true));
        world
    }

    /// Which upstreams have calls that wait for their clients to come back.
    pub(crate) fn parked(&self) -> Vec<&str> {
        self.parked.iter().map(|it| it.cluster.as_str()).collect()
    }

    /// An upstream sends something on the stream of the call that was parked last; it is the end of that if there is
    /// nothing.
    pub(crate) fn push_parked(&mut self, bytes: &[u8]) {
        let cuts: Vec<Vec<u8>> =
            self.chance.pieces(bytes.len()).into_iter().map(|cut| bytes[cut].to_vec()).collect();
        let call = self.parked.last_mut().expect("a call that is parked");
        call.pieces.extend(cuts.into_iter().map(|cut| Piece::Body(cut, false)));
        if bytes.is_empty() {
            call.is_open = false;
            call.pieces.push_back(Piece::Failed(CallFailure::NoAnswer));
        }
    }

    /// Sends a request whose answer comes in parts, and follows it as far as it goes by itself.
    pub(crate) fn listen(&mut self, request: &Request) -> Live {
        let mut live = Live {
            stream: Stream::new(self.worker.clone(), 0),
            calls: Vec::new(),
            head: None,
            reply: None,
            out: Vec::new(),
            is_ended: false,
            timer: None,
            cancelled: 0,
            counts: Vec::new(),
            warnings: Vec::new(),
            is_slow: false,
            woken: Arc::default(),
        };
        let headers = borrowed(&request.head);
        let end = request.body.is_empty();
        let stream = live.stream.clone();
        let mut host = LiveHost { world: self, live: &mut live };
        stream.request_head(&mut host, Headers(&headers), end);
        if !end {
            // Envoy may tell the end by itself.
            let is_late = host.world.chance.one_in(2);
            stream.request_body(&mut host, request.body.len(), !is_late, || &request.body);
            if is_late {
                stream.request_body(&mut host, 0, true, || &[]);
            }
        }
        live.settle(self);
        live
    }
}

impl Live {
    /// Which upstreams are listened to.
    pub(crate) fn heard(&self) -> Vec<&str> {
        let open = self.calls.iter().filter(|call| call.is_open);
        let mut heard: Vec<&str> = open.map(|call| call.cluster.as_str()).collect();
        heard.sort_unstable();
        heard
    }

    /// What has come since it was asked last, but for comments.
    pub(crate) fn take(&mut self) -> String {
        let text = String::from_utf8(std::mem::take(&mut self.out)).expect("text");
        assert!(text.is_empty() || text.ends_with("\n\n"), "a part of an event: {text}");
        text.replace(": keep-alive\n\n", "")
    }

    /// The same with comments.
    pub(crate) fn take_all(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.out)).into_owned()
    }

    /// An upstream sends something on the stream that is open, and it arrives; `false` if none is.
    pub(crate) fn push(&mut self, world: &mut World, cluster: &str, bytes: &[u8]) -> bool {
        let is_sent = self.send(world, cluster, bytes);
        self.settle(world);
        is_sent
    }

    /// The same, while it is under way.
    pub(crate) fn send(&mut self, world: &mut World, cluster: &str, bytes: &[u8]) -> bool {
        let cuts: Vec<Vec<u8>> =
            world.chance.pieces(bytes.len()).into_iter().map(|cut| bytes[cut].to_vec()).collect();
        let Some(call) = self.open(cluster) else { return false };
        call.pieces.extend(cuts.into_iter().map(|cut| Piece::Body(cut, false)));
        true
    }

    /// An upstream ends its stream.
    pub(crate) fn end(&mut self, world: &mut World, cluster: &str) {
        let call = self.open(cluster).expect("a stream");
        call.is_open = false;
        call.pieces.push_back(Piece::Body(Vec::new(), true));
        self.settle(world);
    }

    /// An upstream's stream breaks off.
    pub(crate) fn reset(&mut self, world: &mut World, cluster: &str) {
        let call = self.open(cluster).expect("a stream");
        call.is_open = false;
        call.pieces.push_back(Piece::Failed(CallFailure::NoAnswer));
        self.settle(world);
    }

    fn open(&mut self, cluster: &str) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.is_open && call.cluster == cluster)
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, world: &mut World, seconds: u64) {
        let until = world.ambient.now + seconds;
        while let Some(at) = self.timer.filter(|at| *at <= until) {
            world.ambient.now = at.max(world.ambient.now);
            self.timer = None;
            let stream = self.stream.clone();
            stream.woken(&mut LiveHost { world, live: self });
            self.settle(world);
        }
        world.ambient.now = until;
    }

    /// Whether the client takes what it gets.
    pub(crate) fn backlog(&mut self, world: &mut World, is_slow: bool) {
        self.is_slow = is_slow;
        let stream = self.stream.clone();
        stream.backlog(&mut LiveHost { world, live: self }, is_slow);
        self.settle(world);
    }

    /// Another configuration takes over.
    pub(crate) fn drain(&mut self, world: &mut World) {
        let stream = self.stream.clone();
        stream.drain(&mut LiveHost { world, live: self });
    }

    /// The client goes; what came before.
    pub(crate) fn leave(&mut self, world: &mut World) {
        let stream = self.stream.clone();
        stream.ended(&mut LiveHost { world, live: self });
        assert!(self.calls.is_empty(), "calls for nobody");
        assert_eq!(stream.held(), 0);
    }

    /// How many bytes are held for it.
    pub(crate) fn held(&self) -> usize {
        self.stream.held()
    }

    /// Hands over everything that is under way, in any order.
    pub(crate) fn settle(&mut self, world: &mut World) {
        loop {
            let busy: Vec<usize> =
                (0..self.calls.len()).filter(|at| !self.calls[*at].pieces.is_empty()).collect();
            if self.woken.0.swap(false, Ordering::Relaxed) {
                let stream = self.stream.clone();
                stream.wake(&mut LiveHost { world, live: self });
                continue;
            }
            if busy.is_empty() {
                return;
            }
            let at = world.chance.pick(&busy);
            let call = &mut self.calls[at];
            let (id, piece) = (call.id, call.pieces.pop_front().expect("a piece"));
            if call.pieces.is_empty() && !call.is_open {
                self.calls.remove(at);
            }
            let stream = self.stream.clone();
            let mut host = LiveHost { world, live: self };
            match piece {
                Piece::Head(head, bare) => {
                    stream.call_head(&mut host, id, Headers(&borrowed(&head)));
                    if bare {
                        stream.call_body(&mut host, id, Cow::Borrowed(&[]), true);
                    }
                }
                Piece::Body(chunk, end) => {
                    stream.call_body(&mut host, id, Cow::Owned(chunk), end);
                }
                Piece::Failed(failure) => stream.call_failed(&mut host, id, failure),
                Piece::Trailers => unreachable!("hosts end a call's body without them"),
            }
        }
    }
}
