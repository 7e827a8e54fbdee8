//! A client that listens, in a host that streams: its answer comes in parts, calls for it stay open, and time
//! passes when a test says so.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use mcp_mux_core::effect::{CallId, Callout, Counter, HeaderChange, Reply, ReplyHead};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{Headers, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Level, NotSent, NotStored, Stream};

use super::host::borrowed;
use super::message::{Piece, cut};
use super::{Answer, Request, Response, Seen, World, value};

/// A client and what it has got.
pub(crate) struct Live {
    stream: Rc<Stream>,
    calls: Vec<Call>,
    pub(crate) head: Option<ReplyHead>,
    /// The answer, if it is a whole one.
    pub(crate) reply: Option<Reply>,
    /// What has come since it was asked last.
    out: Vec<u8>,
    pub(crate) is_ended: bool,
    /// When the timer goes off.
    timer: Option<u64>,
    pub(crate) cancelled: usize,
    pub(crate) counts: Vec<Counter>,
    pub(crate) warnings: Vec<String>,
    is_slow: bool,
}

/// A call that is under way.
struct Call {
    id: CallId,
    cluster: String,
    /// What is still to be handed over.
    pieces: VecDeque<Piece>,
    /// Whether it stays open behind that.
    is_open: bool,
}

impl World {
    /// In a host that streams.
    pub(crate) fn streaming(config: &serde_json::Value) -> Self {
        let mut world = Self::new(config);
        world.abilities.streams = true;
        world.configure(super::gateway_in(config, true));
        world
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
        };
        let headers = borrowed(&request.head);
        let end = request.body.is_empty();
        let stream = live.stream.clone();
        let mut host = LiveHost { world: self, live: &mut live };
        stream.request_head(&mut host, Headers(&headers), end);
        if !end {
            stream.request_body(&mut host, request.body.len(), true, || &request.body);
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
        String::from_utf8(std::mem::take(&mut self.out)).expect("text")
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

/// What serves the client, for one event.
struct LiveHost<'l> {
    world: &'l mut World,
    live: &'l mut Live,
}

impl HostEnv for LiveHost<'_> {
    fn now(&self) -> u64 {
        self.world.ambient.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.world.ambient.fill(bytes);
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        self.world.ambient.session_notes(session)
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        self.world.ambient.list_changes(lists)
    }

    fn abilities(&self) -> Abilities {
        self.world.abilities
    }
}

impl mcp_mux_driver::Host for LiveHost<'_> {
    fn call(&mut self, call: Callout) -> Result<(), NotSent> {
        let Callout { id, cluster, headers, body, timeout } = call;
        let head = headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        assert!(self.live.calls.iter().all(|call| call.id != id), "a call of the same name");
        let answer = self.world.ask(&Seen { cluster: cluster.clone(), routed: false, head, body });
        let (pieces, is_open) = match answer {
            Answer::NotSent => return Err(NotSent),
            Answer::Silent => (VecDeque::from([Piece::Failed(CallFailure::NoAnswer)]), false),
            Answer::TooLarge => (VecDeque::from([Piece::Failed(CallFailure::TooLarge)]), false),
            Answer::Says(Response { status, mut head, body, .. }) => {
                let kind = value(&head, "content-type").unwrap_or_default();
                let is_stream = kind.starts_with(b"text/event-stream");
                let is_open = timeout.is_none() && status == 200 && is_stream;
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                let mut pieces = cut(&mut self.world.chance, &head, &body, false);
                if is_open {
                    let open = |piece: &mut Piece| match piece {
                        Piece::Head(_, end) | Piece::Body(_, end) => *end = false,
                        _ => {}
                    };
                    pieces.iter_mut().for_each(open);
                }
                (pieces, is_open)
            }
        };
        self.live.calls.push(Call { id, cluster, pieces, is_open });
        Ok(())
    }

    fn reply(&mut self, reply: Reply) {
        assert!(self.live.head.is_none() && self.live.reply.is_none(), "a second reply");
        self.live.reply = Some(reply);
    }

    fn begin_reply(&mut self, head: ReplyHead) {
        assert!(self.live.head.is_none() && self.live.reply.is_none(), "a second reply");
        self.live.head = Some(head);
    }

    fn send_reply(&mut self, bytes: Vec<u8>) {
        assert!(self.live.head.is_some() && !self.live.is_ended, "no reply to go on with");
        assert!(!bytes.is_empty() && !self.live.is_slow, "more for a slow client");
        self.live.out.extend(bytes);
    }

    fn end_reply(&mut self) {
        assert!(!std::mem::replace(&mut self.live.is_ended, true), "ends twice");
    }

    fn cancel(&mut self, call: CallId) {
        let at = self.live.calls.iter().position(|it| it.id == call);
        self.live.calls.remove(at.expect("a call that is under way"));
        self.live.cancelled += 1;
    }

    fn wake_after(&mut self, time: Duration) {
        assert!(time >= Duration::from_secs(1), "wakes up all the time");
        self.live.timer = Some(self.world.ambient.now + time.as_secs());
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        self.world.ambient.note(session, note, expires);
        Ok(())
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        self.world.ambient.list_changed(lists);
        Ok(())
    }

    fn count(&mut self, _: &Gateway, counter: Counter, by: u64) {
        self.live.counts.extend((0..by).map(|_| counter.clone()));
    }

    fn log(&mut self, level: Level, line: &str) {
        if level == Level::Warn && !line.ends_with(" session: initialized") {
            self.live.warnings.push(line.to_owned());
        }
    }

    // Nobody waits here, and nothing goes on.
    fn wake_soon(&mut self, _: &Rc<Stream>) {}
    fn watch_sessions(&mut self) {}
    fn change_request_head(&mut self, _: HeaderChange) {}
    fn replace_request_body(&mut self, _: Vec<u8>) {}
    fn reroute(&mut self) {}
    fn resume_request(&mut self) {}
    fn change_response_head(&mut self, _: HeaderChange) {}
    fn replace_response_body(&mut self, _: Vec<u8>) {}
    fn prepend_response_body(&mut self, _: Vec<u8>) {}
}
