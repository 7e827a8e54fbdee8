//! Servers of the HTTP+SSE transport: the [`Bridge`] in Envoy.
//!
//! A session of such a server outlives the request that opens it, so it belongs to the configuration, on the
//! main thread. Workers leave requests in an inbox, and find what comes of them in their mailboxes; each side
//! has Envoy wake up the other one.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use mcp_mux_bridge::{Asker, Bounds, Bridge, Effect, Part, Request, StreamId};
use mcp_mux_core::Headers;
use mcp_mux_core::effect::Callout;
use mcp_mux_core::gateway::{Gateway, Transport};
use mcp_mux_driver::Level;

use crate::calls::Got;
use crate::host::{ConfigRef, Scheduler, lent_headers};
use crate::{plugin, shared, timer};

/// The event of the configuration's scheduler that has the inbox read.
pub(crate) const NEWS: u64 = 1 << 62;
/// The one that has unused sessions ended.
const TIDY: u64 = NEWS + 1;

/// What the number of an [`Asker`] has, and no number of Envoy's.
const ASKER: u64 = 1 << 63;

/// How many sessions there may be.
const SESSIONS: usize = 10_000;
/// How often unused ones are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(30);

static NEXT_ASKER: AtomicU64 = AtomicU64::new(ASKER);

/// Whether a number is one of a request to the bridge.
pub(crate) fn is_asker(id: u64) -> bool {
    id & ASKER != 0
}

/// The servers of this transport in one configuration.
pub(crate) struct Sse {
    servers: Vec<Server>,
    inbox: Mutex<VecDeque<Event>>,
    scheduler: Arc<Scheduler>,
    /// Used to close streams when the configuration ends; in its hooks Envoy hands it over.
    envoy: ConfigRef,
    main: Mutex<Main>,
}

struct Server {
    name: String,
    cluster: String,
    authority: String,
    path: String,
}

/// What the main thread has.
struct Main {
    bridge: Bridge,
    /// Who is told what comes of a request.
    askers: BTreeMap<Asker, Arc<Mailbox>>,
    /// By Envoy's id, and the other way round.
    streams: BTreeMap<u64, StreamId>,
    ids: BTreeMap<StreamId, u64>,
    /// Whether unused sessions will be looked for.
    is_tidying: bool,
    /// Whether the configuration ends.
    is_over: bool,
}

/// Something that the bridge is told.
enum Event {
    Ask(Asker, Request, Option<Arc<Mailbox>>),
    Gone(Asker),
    Came(u64, Got<'static>),
    NotSent(StreamId),
    Tidy,
}

/// Where a filter finds what comes of its requests.
pub(crate) struct Mailbox {
    got: Mutex<VecDeque<(u64, Got<'static>)>>,
    scheduler: Arc<Scheduler>,
    event: u64,
}

impl Mailbox {
    /// A mailbox of a filter, which this event of its scheduler has look into it.
    pub(crate) fn new(scheduler: Arc<Scheduler>, event: u64) -> Arc<Self> {
        Arc::new(Self { got: Mutex::default(), scheduler, event })
    }

    /// What came first.
    pub(crate) fn next(&self) -> Option<(u64, Got<'static>)> {
        lock(&self.got).pop_front()
    }

    fn put(&self, asker: Asker, got: Got<'static>) {
        let was_empty = {
            let mut all = lock(&self.got);
            all.push_back((asker.0, got));
            all.len() == 1
        };
        if was_empty {
            self.scheduler.commit(self.event);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sse {
    /// The servers of this transport; `None` if there are none.
    pub(crate) fn new(
        gateway: &Gateway,
        envoy: ConfigRef,
        scheduler: Arc<Scheduler>,
    ) -> Option<Self> {
        let of_transport =
            gateway.upstreams.iter().filter(|(_, it)| it.transport == Transport::Sse);
        let servers: Vec<Server> = of_transport
            .map(|(_, it)| Server {
                name: it.name.clone(),
                cluster: it.cluster.clone(),
                authority: it.authority.clone(),
                path: it.path.clone(),
            })
            .collect();
        let bounds = Bounds {
            sessions: SESSIONS,
            unused: gateway.session_ttl.as_secs(),
            event: gateway.limits.upstream_body,
        };
        (!servers.is_empty()).then(|| Self {
            servers,
            inbox: Mutex::default(),
            scheduler,
            envoy,
            main: Mutex::new(Main {
                bridge: Bridge::new(bounds),
                askers: BTreeMap::new(),
                streams: BTreeMap::new(),
                ids: BTreeMap::new(),
                is_tidying: false,
                is_over: false,
            }),
        })
    }

    /// The server that a request to this cluster, with this head, is for.
    pub(crate) fn server(&self, cluster: &[u8], head: &[(String, Vec<u8>)]) -> Option<usize> {
        let has = |name: &str, value: &str| {
            head.iter().any(|(it, found)| it == name && found == value.as_bytes())
        };
        self.servers.iter().position(|it| {
            it.cluster.as_bytes() == cluster
                && has(":authority", &it.authority)
                && has(":path", &it.path)
        })
    }

    /// A request of the gateway's own, if it is for one of these servers.
    pub(crate) fn request(&self, callout: &Callout) -> Option<Request> {
        let pair = |(name, value): &(Cow<'static, str>, Vec<u8>)| (name.to_string(), value.clone());
        let headers: Vec<_> = callout.headers.iter().map(pair).collect();
        let server = self.server(callout.cluster.as_bytes(), &headers)?;
        Some(Request { server, headers, body: callout.body.clone() })
    }

    /// Hands a request over, and returns what it is known by. `mailbox` gets what comes of it.
    pub(crate) fn ask(&self, request: Request, mailbox: Option<Arc<Mailbox>>) -> u64 {
        let asker = Asker(NEXT_ASKER.fetch_add(1, Ordering::Relaxed) | ASKER);
        self.post(Event::Ask(asker, request, mailbox));
        asker.0
    }

    /// Nobody waits for the answer to a request any more.
    pub(crate) fn gone(&self, asker: u64) {
        self.post(Event::Gone(Asker(asker)));
    }

    fn post(&self, event: Event) {
        lock(&self.inbox).push_back(event);
        self.scheduler.commit(NEWS);
    }

    /// Does what an event of the configuration's scheduler is for, if it is one of these; on the main thread,
    /// as all that follows.
    pub(crate) fn scheduled(&self, envoy: ConfigRef, event: u64) -> bool {
        if event == TIDY {
            lock(&self.inbox).push_back(Event::Tidy);
        }
        let is_ours = matches!(event, NEWS | TIDY);
        if is_ours {
            self.run(envoy);
        }
        is_ours
    }

    /// Something came of a request to a server.
    pub(crate) fn came(&self, envoy: ConfigRef, id: u64, got: Got<'_>) {
        // From within one of our own calls into Envoy it waits until that is done.
        lock(&self.inbox).push_back(Event::Came(id, got.into_owned()));
        self.run(envoy);
    }

    /// Tells the bridge what has happened, and does what it wants, until nothing is left. The lock is held all
    /// the time: it is the main thread's alone, and tells a hook that it came from within.
    fn run(&self, envoy: ConfigRef) {
        let mut main = match self.main.try_lock() {
            Ok(main) => main,
            Err(TryLockError::Poisoned(main)) => main.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        loop {
            let next = lock(&self.inbox).pop_front();
            let Some(event) = next else { break };
            if main.is_over {
                continue;
            }
            for effect in main.told(event) {
                self.act(&mut main, envoy, effect);
            }
        }
        if main.bridge.sessions() > 0 && !mem::replace(&mut main.is_tidying, true) {
            timer::after(TIDY_EVERY, self.scheduler.clone(), TIDY);
        }
    }

    /// Whether requests to servers are under way.
    pub(crate) fn has_streams(&self) -> bool {
        !lock(&self.main).streams.is_empty()
    }

    /// Breaks all of them off, for good.
    pub(crate) fn close(&self) {
        let mut main = lock(&self.main);
        main.is_over = true;
        main.ids.clear();
        for (id, _) in mem::take(&mut main.streams) {
            self.envoy.reset_stream(id);
        }
    }

    fn act(&self, main: &mut Main, envoy: ConfigRef, effect: Effect) {
        match effect {
            Effect::Open { stream, server, headers, body } => {
                let length = body.len().to_string();
                let length = (!body.is_empty()).then_some(("content-length", length.as_bytes()));
                let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
                let lent = lent_headers(pairs.chain(length));
                let cluster = self.servers.get(server).map_or("", |it| it.cluster.as_str());
                if let Some(id) = envoy.start_stream(cluster, &lent, &body) {
                    main.streams.insert(id, stream);
                    main.ids.insert(stream, id);
                } else {
                    lock(&self.inbox).push_back(Event::NotSent(stream));
                }
            }
            Effect::Close(stream) => {
                if let Some(id) = main.forget(stream) {
                    envoy.reset_stream(id);
                }
            }
            Effect::Answer(asker, part) => {
                let is_last = matches!(part, Part::End | Part::Lost);
                if let Some(mailbox) = main.askers.get(&asker) {
                    mailbox.put(asker, got(part));
                }
                if is_last {
                    main.askers.remove(&asker);
                }
            }
            Effect::Warn { server, line } => {
                let name = self.servers.get(server).map_or("", |it| it.name.as_str());
                plugin::log(Level::Warn, &format!("upstream {name}: {line}"));
            }
        }
    }
}

impl Main {
    fn told(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Ask(asker, request, mailbox) => {
                if let Some(mailbox) = mailbox {
                    self.askers.insert(asker, mailbox);
                }
                self.bridge.ask(asker, request, shared::now(), &mut shared::random)
            }
            Event::Gone(asker) => {
                self.askers.remove(&asker);
                self.bridge.gone(asker)
            }
            Event::Came(id, got) => self.came(id, got),
            Event::NotSent(stream) => self.bridge.end(stream, false),
            Event::Tidy => {
                self.is_tidying = false;
                self.bridge.tidy(shared::now())
            }
        }
    }

    fn came(&mut self, id: u64, got: Got<'_>) -> Vec<Effect> {
        let Some(stream) = self.streams.get(&id).copied() else { return Vec::new() };
        let (mut effects, is_end) = match got {
            Got::Head(headers, end) => {
                let pairs: Vec<_> =
                    headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                let headers = Headers(&pairs);
                let kind = headers.first("content-type");
                (self.bridge.head(stream, headers.status(), kind), end)
            }
            Got::Body(chunks, end) => {
                let data = |chunk: &Cow<'_, [u8]>| self.bridge.data(stream, chunk);
                (chunks.iter().flat_map(data).collect(), end)
            }
            Got::End => (Vec::new(), true),
            Got::Lost => {
                self.forget(stream);
                return self.bridge.end(stream, false);
            }
        };
        if is_end {
            self.forget(stream);
            effects.extend(self.bridge.end(stream, true));
        }
        effects
    }

    fn forget(&mut self, stream: StreamId) -> Option<u64> {
        let id = self.ids.remove(&stream)?;
        self.streams.remove(&id);
        Some(id)
    }
}

fn got(part: Part) -> Got<'static> {
    match part {
        Part::Head { status, headers } => {
            let status =
                (Cow::Borrowed(&b":status"[..]), Cow::Owned(status.to_string().into_bytes()));
            let pair = |(name, value): (&'static str, Vec<u8>)| {
                (Cow::Borrowed(name.as_bytes()), Cow::Owned(value))
            };
            Got::Head(std::iter::once(status).chain(headers.into_iter().map(pair)).collect(), false)
        }
        Part::Body(bytes) => Got::Body(vec![Cow::Owned(bytes)], false),
        Part::End => Got::End,
        Part::Lost => Got::Lost,
    }
}
