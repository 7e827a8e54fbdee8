//! A request that the core sends on to a server of the HTTP+SSE transport. Envoy's router does not speak that,
//! so the request stays here, and goes to the bridge. What comes back goes past the core as a response of the
//! router's would, and leaves as a reply.

use std::cell::{Cell, RefCell};

use mcp_mux_bridge::Request;
use mcp_mux_core::Headers;
use mcp_mux_core::effect::{HeaderChange, HeaderChanges, Verdict};
use mcp_mux_core::event::Source;

use crate::calls::Got;
use crate::envoy::Envoy;
use crate::filter::{Filter, Part};
use crate::host::{Body, FilterRef, Map, lent_headers};
use crate::main_thread::MainThread;

/// Names the cluster that Envoy's route reads; see the route in every shipped configuration.
const CLUSTER: &str = "x-mcp-cluster";

/// The headers of a message.
type Head = Vec<(String, Vec<u8>)>;

/// Where such a request is.
#[derive(Default)]
pub(crate) struct Routed {
    stage: Cell<Stage>,
    /// The cluster that the core has chosen.
    cluster: RefCell<Vec<u8>>,
    /// Whether the client has sent all of it.
    is_whole: Cell<bool>,
    body: RefCell<Vec<u8>>,
    /// The response.
    head: RefCell<Option<Head>>,
    /// What goes on of the bytes at hand, if something takes their place.
    chunk: RefCell<Option<Vec<u8>>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// It is for no such server, or that is not known yet.
    #[default]
    Unknown,
    /// It is for this server, and not whole.
    Collecting(usize),
    /// The bridge has it, under this number.
    Asked(u64),
    /// It has been answered.
    Over,
}

impl Routed {
    /// The core changes the head of the request.
    pub(crate) fn note(&self, changes: &HeaderChanges) {
        for change in changes.iter() {
            if let HeaderChange::Set(CLUSTER, value) = change {
                self.cluster.replace(value.to_vec());
            }
        }
    }

    /// Whether what comes of this request is what comes of the client's.
    pub(crate) fn is(&self, id: u64) -> bool {
        self.stage.get() == Stage::Asked(id)
    }

    /// Whether the request does not go to Envoy's router.
    pub(crate) fn is_diverted(&self) -> bool {
        self.stage.get() != Stage::Unknown
    }

    /// Nobody waits for what comes of it any more.
    pub(crate) fn abandon(&self, main: &MainThread) {
        match self.stage.get() {
            Stage::Unknown | Stage::Over => {}
            Stage::Collecting(_) => self.stage.set(Stage::Over),
            Stage::Asked(asker) => {
                self.stage.set(Stage::Over);
                main.gone(asker);
            }
        }
    }

    /// Changes the head of the response; `false` if that is one of Envoy's.
    pub(crate) fn change_head(&self, changes: &HeaderChanges) -> bool {
        if let Some(head) = &mut *self.head.borrow_mut() {
            for change in changes.iter() {
                match change {
                    HeaderChange::Remove(name) => head.retain(|(it, _)| it != name),
                    HeaderChange::Set(name, value) => {
                        head.retain(|(it, _)| it != name);
                        head.push((name.to_owned(), value.to_vec()));
                    }
                }
            }
        }
        self.is_diverted()
    }

    /// Puts bytes in place of those at hand.
    pub(crate) fn replace(&self, bytes: Vec<u8>) {
        self.chunk.replace(Some(bytes));
    }

    /// Puts bytes before those at hand.
    pub(crate) fn prepend(&self, mut bytes: Vec<u8>) {
        bytes.extend(self.chunk.take().unwrap_or_default());
        self.chunk.replace(Some(bytes));
    }
}

impl Filter {
    /// Keeps a part of the request that goes on, if it is for the bridge. `end` if it is the last one.
    pub(crate) fn divert(&self, verdict: Verdict, end: bool) -> Verdict {
        let (Some(main), Some(envoy)) = (self.config.bridging(), self.envoy.get()) else {
            return verdict;
        };
        let routed = &self.routed;
        routed.is_whole.set(routed.is_whole.get() || end);
        if verdict == Verdict::Hold {
            return verdict;
        }
        let known = match routed.stage.get() {
            Stage::Unknown if routed.cluster.borrow().is_empty() => None,
            Stage::Unknown => main.servers.find(&routed.cluster.borrow(), &head(envoy)),
            Stage::Collecting(server) => Some(server),
            Stage::Asked(_) | Stage::Over => return Verdict::Hold,
        };
        let Some(server) = known else { return verdict };
        routed.stage.set(Stage::Collecting(server));
        let size = take(envoy, &mut routed.body.borrow_mut());
        let limits = &self.worker.gateway().limits;
        if size > limits.request_body {
            self.enter(Part::None, |envoy, _| {
                envoy.routed_refused(413, Source::Overflow, b"the request is too long");
                Verdict::Pass
            });
        } else if routed.is_whole.get()
            && let Some(mailbox) = self.mailbox()
        {
            let request = Request { server, headers: head(envoy), body: routed.body.take() };
            routed.stage.set(Stage::Asked(main.ask(request, Some(mailbox))));
        }
        Verdict::Hold
    }
}

/// The head of the request, as it goes on.
fn head(envoy: FilterRef) -> Vec<(String, Vec<u8>)> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let pairs = envoy.headers(Map::Request);
    pairs.into_iter().map(|(name, value)| (text(name), value.to_vec())).collect()
}

/// Takes what there is of the request's body, and returns how much has been taken so far.
fn take(envoy: FilterRef, body: &mut Vec<u8>) -> usize {
    for part in [Body::RequestHeld, Body::RequestNow] {
        if envoy.body_size(part) > 0 {
            for piece in envoy.body(part) {
                body.extend_from_slice(piece.bytes());
            }
            envoy.drain_body(part);
        }
    }
    body.len()
}

impl Envoy<'_> {
    /// Something came of the request.
    pub(crate) fn routed_got(&mut self, got: Got<'_>) {
        match got {
            Got::Head(headers, _) => {
                let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
                let pairs = headers.iter().map(|(name, value)| (text(name), value.to_vec()));
                self.routed_head(&pairs.collect::<Head>(), Source::Upstream);
            }
            Got::Body(chunks, _) => {
                for chunk in chunks {
                    self.routed_bytes(&chunk, false);
                }
            }
            Got::End => self.routed_bytes(&[], true),
            Got::Lost | Got::NotSent => {
                let why = b"the event stream of the server could not be opened, or has ended";
                self.routed_refused(503, Source::Proxy, why);
            }
        }
    }

    /// Answers in place of the server.
    fn routed_refused(&mut self, status: u16, source: Source, why: &[u8]) {
        let head = [(":status", status.to_string()), ("content-type", "text/plain".to_owned())];
        let pair = |(name, value): (&str, String)| (name.to_owned(), value.into_bytes());
        self.routed_head(&head.into_iter().map(pair).collect::<Head>(), source);
        self.routed_bytes(why, false);
        self.routed_bytes(&[], true);
    }

    fn routed_head(&mut self, head: &Head, source: Source) {
        let filter = self.filter;
        filter.routed.head.replace(Some(head.clone()));
        let pairs: Vec<_> =
            head.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        let verdict = filter.stream.response_head(self, Headers(&pairs), source, false);
        if verdict == Verdict::Pass {
            self.send_routed_head();
        }
    }

    fn routed_bytes(&mut self, bytes: &[u8], end: bool) {
        let filter = self.filter;
        filter.routed.chunk.replace(Some(bytes.to_vec()));
        let verdict = filter.stream.response_body(self, bytes.len(), end, || bytes);
        let chunk = filter.routed.chunk.take().unwrap_or_default();
        if verdict == Verdict::Hold || filter.routed.stage.get() == Stage::Over {
            return;
        }
        self.send_routed_head();
        if let Some(envoy) = filter.envoy.get().filter(|_| end || !chunk.is_empty()) {
            if end {
                filter.routed.stage.set(Stage::Over);
            }
            envoy.send_response_data(&chunk, end);
        }
    }

    /// Lets the head go, if it has not gone yet.
    fn send_routed_head(&mut self) {
        let filter = self.filter;
        if filter.routed.stage.get() == Stage::Over {
            return;
        }
        if let (Some(head), Some(envoy)) = (filter.routed.head.take(), filter.envoy.get()) {
            let pairs = head.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            envoy.send_response_headers(&lent_headers(pairs));
        }
    }
}
