//! A small world around the core: a client, scripted upstreams, a clock that stands still, chance
//! that repeats itself, and shared state that is a map. Nothing in it is real but the core.

mod chance;
mod crowd;
mod effects;
mod host;
mod http;
mod json;
mod kind;
mod live;
mod live_host;
mod marks;
mod message;
mod pieces;
mod restarting;
mod results;
mod scripts;
mod server;
pub(crate) mod stateless;
mod stream;
mod talker;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mcp_mux_core::config::{Environment, compile};
use mcp_mux_core::effect::Callout;
use mcp_mux_core::gateway::{Gateway, UpstreamId};
use mcp_mux_core::host::Abilities;
use mcp_mux_core::{Key, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Shared, Stream, WakeQueue, Worker, shared_data};
use serde_json::{Value, json};

pub(crate) use chance::Chance;
pub(crate) use crowd::Crowd;
use http::owned;
pub(crate) use http::{Answer, Got, Request, Response, Seen, Way, raw_member, value};
pub(crate) use json::{any_object, any_string, any_value, space};
pub(crate) use kind::{KINDS, Kind, PROMPTS, RESOURCES, TASKS, TEMPLATES, TOOLS, usable};
pub(crate) use live::Live;
pub(crate) use marks::{Marking, event};
pub(crate) use restarting::{LOSSES, Restarting};
pub(crate) use results::RELATED_TASK;
pub(crate) use server::{EVERYTHING, Server, Shape};
pub(crate) use stream::{Pieces, event_stream, events, marked_stream};
pub(crate) use talker::Talker;

/// What an upstream does with what reaches it.
pub(crate) type Script = Box<dyn FnMut(&Seen) -> Answer>;

/// Everything around one gateway.
#[expect(clippy::struct_excessive_bools, reason = "each is a circumstance of its own")]
pub(crate) struct World {
    /// The worker that serves the next request.
    pub(crate) worker: Rc<Worker>,
    pub(crate) ambient: Still,
    /// Streams that are to be woken up, of all workers.
    woken: Rc<WakeQueue>,
    /// By cluster. One that is not here cannot be reached.
    upstreams: BTreeMap<String, Script>,
    /// Everything that reached an upstream, in order.
    pub(crate) seen: Vec<Seen>,
    /// How bodies are cut and answers ordered; changes nothing that the client may notice.
    pub(crate) chance: Chance,
    /// One in so many pieces finds no memory left.
    pub(crate) scarcity: Option<usize>,
    /// What the host can do; its memory is a matter of chance.
    pub(crate) abilities: Abilities,
    /// Whether Envoy may hold no more than a part of any request.
    pub(crate) overflows: bool,
    /// How many pieces left a request going on before it was complete.
    pub(crate) streamed: usize,
    /// Whether bodies come at once, whatever chance says.
    pub(crate) at_once: bool,
    /// How many bytes were written into answers in place of what had come.
    pub(crate) put_back: usize,
    /// Whether Envoy has no route for requests that go on, and answers them 404.
    pub(crate) routeless: bool,
    /// Whether Envoy may answer by itself while side calls are under way, since the request takes too
    /// long.
    pub(crate) overdue: bool,
    /// What answers requests to other paths.
    pub(crate) elsewhere: Response,
    /// Requests that other workers handle while this one waits for the answer to a side call.
    pub(crate) meanwhile: Vec<Request>,
    /// Sessions that nobody used and that were ended: where, and their ids.
    ended: Vec<(String, String)>,
    /// Requests that other workers handle while the answer to a request that went on is under way.
    pub(crate) between: Vec<Request>,
    /// What came of those.
    pub(crate) concurrent: Vec<Got>,
    /// The lines that say which upstreams were initialized, and why.
    pub(crate) opened: Vec<String>,
    /// What the operator is told that is good to know.
    pub(crate) informed: Vec<String>,
    /// Calls that wait for their clients to come back.
    parked: Vec<live::Call>,
}

/// Time, randomness and shared state that only change when a test says so.
pub(crate) struct Still {
    pub(crate) now: u64,
    pub(crate) random: Chance,
    pub(crate) shared: BTreeMap<String, Vec<u8>>,
    /// What of it was read.
    pub(crate) read: RefCell<BTreeSet<String>>,
}

impl Still {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.random.byte());
    }

    fn value(&self, key: &str) -> Vec<u8> {
        self.read.borrow_mut().insert(key.to_owned());
        self.shared.get(key).cloned().unwrap_or_default()
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        shared_data::session_notes(&self.value(&shared_data::session_key(session)), session)
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) {
        let slot = self.shared.entry(shared_data::session_key(session)).or_default();
        *slot = shared_data::with_note(slot, session, note, expires, self.now);
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        shared_data::changes(&self.value(shared_data::changes_key(lists)))
    }

    fn list_changed(&mut self, lists: ListChanged) {
        let count = self.shared.entry(shared_data::changes_key(lists).to_owned()).or_default();
        *count = shared_data::one_more(count);
    }

    /// Lets all workers know that lists of this kind have changed.
    pub(crate) fn changed(&mut self, kind: mcp_mux_core::Kind) {
        self.list_changed(ListChanged::of(kind).expect("a kind that is kept"));
    }
}

/// A gateway of this configuration; without keys in it, the key is always the same.
pub(crate) fn gateway(config: &Value) -> Gateway {
    gateway_in(config, false)
}

/// The same, in a host that streams or not.
pub(crate) fn gateway_in(config: &Value, streams: bool) -> Gateway {
    let process_key = || Ok(Key::new([1; 32]));
    let surroundings = Environment {
        variable: &|_| None,
        process_key: &process_key,
        streams,
        claims: true,
        bridges: true,
    };
    compile(config.to_string().as_bytes(), surroundings).expect("a configuration")
}

/// A configuration with upstreams of these names and nothing else.
pub(crate) fn config(names: &[&str]) -> Value {
    let upstreams: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "upstreams": upstreams })
}

/// The same, of a gateway that joins no more than one page of each upstream, unless these are empty.
pub(crate) fn paged(names: &[&str]) -> Value {
    let mut plan = config(names);
    plan["catalog"] = json!({"page": {"items": 1}});
    plan
}

/// The params of a proper `initialize`.
pub(crate) const INITIALIZE: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"client","version":"1"}}"#;

impl World {
    pub(crate) fn new(config: &Value) -> Self {
        let ambient = Still {
            now: 1_790_000_000,
            random: Chance::new(99),
            shared: BTreeMap::new(),
            read: RefCell::default(),
        };
        Self {
            worker: Worker::new(Shared::new(gateway(config))),
            woken: Rc::default(),
            ambient,
            upstreams: BTreeMap::new(),
            seen: Vec::new(),
            chance: Chance::new(1),
            scarcity: None,
            abilities: Abilities {
                memory: usize::MAX,
                request_buffer: 32 * 1024,
                one_memory: false,
                shares_memory: false,
                streams: false,
            },
            overflows: false,
            streamed: 0,
            at_once: false,
            put_back: 0,
            routeless: false,
            overdue: false,
            elsewhere: Response::new(200, "text/html", "<p>another application</p>"),
            meanwhile: Vec::new(),
            ended: Vec::new(),
            between: Vec::new(),
            concurrent: Vec::new(),
            opened: Vec::new(),
            informed: Vec::new(),
            parked: Vec::new(),
        }
    }

    /// Takes another configuration, as a worker does: what was remembered under the last is lost.
    pub(crate) fn configure(&mut self, gateway: Gateway) {
        self.worker = Worker::new(Shared::new(gateway));
    }

    /// The id of the upstream with this name.
    pub(crate) fn id(&self, name: &str) -> UpstreamId {
        self.worker.gateway().upstreams.find(name.as_bytes()).expect("an upstream")
    }

    /// Another worker, which remembers nothing, serves the next requests; the one before.
    pub(crate) fn change_worker(&mut self) -> Rc<Worker> {
        let other = Worker::new(self.worker.shared().beside());
        std::mem::replace(&mut self.worker, other)
    }

    /// Another worker, which has the same memory, serves the next requests; the one before.
    pub(crate) fn next_worker(&mut self) -> Rc<Worker> {
        let other = Worker::new(self.worker.shared().clone());
        std::mem::replace(&mut self.worker, other)
    }

    /// A world of upstreams with these names, each with one tool, `t`.
    pub(crate) fn of(names: &[&str]) -> Self {
        let mut world = Self::new(&config(names));
        for name in names {
            world.serve(name, Server::new(name).tools(&["t"]));
        }
        world
    }

    /// Lets some seconds pass; which sessions the worker ends then, or has ended since this was asked last.
    pub(crate) fn pass_seconds(&mut self, seconds: u64) -> Vec<(String, String)> {
        self.ambient.now += seconds;
        self.end_unused_sessions();
        std::mem::take(&mut self.ended)
    }

    /// Has the worker do what a host asks it for from time to time.
    pub(crate) fn end_unused_sessions(&mut self) {
        for key in self.worker.shared().given_up(self.ambient.now) {
            self.parked.retain(|it| it.key != Some(key));
        }
        for Callout { cluster, headers, body, .. } in
            self.worker.shared().unused_sessions(self.ambient.now)
        {
            let head = owned(&headers);
            let seen = Seen { cluster, routed: false, head, body };
            self.ask(&seen);
            if seen.header(":method").as_deref() != Some("DELETE") {
                continue;
            }
            let session = seen.header("mcp-session-id").expect("a session");
            self.ended.push((seen.cluster.clone(), session));
        }
    }

    /// Sends a request and follows it to its end.
    pub(crate) fn send(&mut self, request: &Request) -> Got {
        let stream = Stream::new(self.worker.clone(), 0);
        let got = host::Host::new(self, stream.clone()).run(request);
        stream.ended(&mut host::Host::new(self, stream.clone()));
        assert_eq!(stream.held(), 0, "holds what is over");
        self.end_unused_sessions();
        got
    }

    /// Opens a session and returns its id.
    pub(crate) fn open(&mut self) -> String {
        let got = self.send(&Request::rpc("initialize", INITIALIZE));
        got.header("mcp-session-id").unwrap_or_else(|| panic!("a session: {}", got.text()))
    }

    /// Opens a session and tells the upstreams that they may begin.
    pub(crate) fn begin(&mut self) -> String {
        let session = self.open();
        let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(self.send(&Request::post(body).within(&session)).status, 202);
        session
    }

    /// The first page of tools.
    pub(crate) fn list(&mut self, session: &str) -> Got {
        self.list_of(session, TOOLS)
    }

    /// Every page of tools, from the first to the last.
    pub(crate) fn walk(&mut self, session: &str) -> Vec<Got> {
        self.walk_of(session, TOOLS)
    }

    /// Calls a tool; the name is raw JSON.
    pub(crate) fn call(&mut self, session: &str, name: &str) -> Got {
        let params = format!(r#"{{"name":{name},"arguments":{{}}}}"#);
        self.send(&Request::rpc("tools/call", &params).within(session))
    }
}
