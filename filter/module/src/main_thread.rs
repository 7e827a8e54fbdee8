//! Requests that outlive those that they are made for. They belong to the configuration, on Envoy's main thread:
//! sessions of servers of the HTTP+SSE transport (the [bridge](mcp_mux_bridge)), and calls that may be parked
//! ([`Effect::Park`](mcp_mux_core::effect::Effect::Park)).
//!
//! Workers leave requests in an inbox, and find what comes of them in their [mailboxes](crate::mailbox); each side has
//! Envoy wake up the other one.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use mcp_mux_bridge::{Asker, Bounds, Effect, Part, Request};
use mcp_mux_core::effect::{CallKey, Callout};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_driver::Level;

use crate::bridged::{self, Servers};
use crate::calls::Got;
use crate::host::{ConfigRef, Scheduler, lent_headers};
use crate::mailbox::{Full, Line, Mailbox, lock};
use crate::{plugin, timer};

mod requests;

use requests::{Act, Event, Main, Stream};

/// The event of the configuration's scheduler that has the inbox read.
pub(crate) const NEWS: u64 = 1 << 62;
/// The one that has unused sessions ended.
const TIDY: u64 = NEWS + 1;

/// What the number of a request to the main thread has, and no number of Envoy's.
const ASKER: u64 = 1 << 63;

/// How many sessions there may be.
const SESSIONS: usize = 10_000;
/// How often unused ones are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(30);

const TOO_MUCH: &str = "a call that waits for its client was broken off: its upstream sends more meanwhile than is kept";

static NEXT_ASKER: AtomicU64 = AtomicU64::new(ASKER);

/// Whether a number is one of a request to the main thread.
pub(crate) fn is_asker(id: u64) -> bool {
    id & ASKER != 0
}

fn next_asker() -> u64 {
    NEXT_ASKER.fetch_add(1, Ordering::Relaxed) | ASKER
}

/// What the main thread does for one configuration.
pub(crate) struct MainThread {
    pub(crate) servers: Servers,
    inbox: Mutex<VecDeque<Event>>,
    scheduler: Arc<Scheduler>,
    /// Used to close streams when the configuration ends; in its hooks Envoy hands it over.
    envoy: ConfigRef,
    main: Mutex<Main>,
    /// Calls that nobody waits for at the moment.
    parked: Mutex<BTreeMap<CallKey, Arc<Line>>>,
    /// How many bytes of them are kept.
    kept: Arc<AtomicUsize>,
}

impl MainThread {
    pub(crate) fn new(gateway: &Gateway, envoy: ConfigRef, scheduler: Arc<Scheduler>) -> Self {
        let bounds = Bounds {
            sessions: SESSIONS,
            unused: gateway.session_ttl.as_secs(),
            event: gateway.limits.upstream_body,
        };
        Self {
            servers: Servers::of(gateway),
            inbox: Mutex::default(),
            scheduler,
            envoy,
            main: Mutex::new(Main::new(bounds)),
            parked: Mutex::default(),
            kept: Arc::default(),
        }
    }

    /// Hands a request to the bridge, and returns what it is known by. `mailbox` gets what comes of it.
    pub(crate) fn ask(&self, request: Request, mailbox: Option<Arc<Mailbox>>) -> u64 {
        let id = next_asker();
        let line = mailbox.map(|it| Line::new(id, it, self.kept.clone()));
        self.post(Event::Ask(Asker(id), request, line));
        id
    }

    /// Makes a call that may be parked; what it is known by, and its line to the mailbox.
    pub(crate) fn call(&self, callout: Callout, mailbox: Arc<Mailbox>) -> (u64, Arc<Line>) {
        let id = next_asker();
        let line = Line::new(id, mailbox, self.kept.clone());
        self.post(match self.servers.request(&callout) {
            Some(request) => Event::Ask(Asker(id), request, Some(line.clone())),
            None => Event::Call(Asker(id), callout, line.clone()),
        });
        (id, line)
    }

    /// Nobody waits for a call at the moment; `before` is what has come of it and was not looked at.
    pub(crate) fn park(&self, key: CallKey, line: Arc<Line>, before: Vec<Got<'static>>) {
        if line.park(before).is_err() {
            self.too_much(line.id());
        }
        lock(&self.parked).insert(key, line);
    }

    /// A call that was parked is waited for again.
    pub(crate) fn adopt(&self, key: CallKey) -> Option<Arc<Line>> {
        lock(&self.parked).remove(&key)
    }

    /// A call that was parked is not kept any longer.
    pub(crate) fn give_up(&self, key: CallKey) {
        let line = lock(&self.parked).remove(&key);
        if let Some(line) = line {
            self.gone(line.id());
        }
    }

    fn too_much(&self, id: u64) {
        plugin::log(Level::Warn, TOO_MUCH);
        self.gone(id);
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

    /// Something came of a request in Envoy.
    pub(crate) fn came(&self, envoy: ConfigRef, id: u64, got: Got<'_>) {
        // From within one of our own calls into Envoy it waits until that is done.
        lock(&self.inbox).push_back(Event::Came(id, got.into_owned()));
        self.run(envoy);
    }

    /// Handles what has happened, and does what follows, until nothing is left. The lock is held all
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
            for act in main.told(event) {
                self.act(&mut main, envoy, act);
            }
        }
        if main.bridge.sessions() > 0 && !mem::replace(&mut main.is_tidying, true) {
            timer::after(TIDY_EVERY, self.scheduler.clone(), TIDY);
        }
    }

    /// Whether requests are under way.
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

    fn act(&self, main: &mut Main, envoy: ConfigRef, act: Act) {
        match act {
            Act::Send(asker, Callout { cluster, headers, body, .. }) => {
                self.send(main, envoy, (&cluster, Stream::Call(asker)), (headers.iter(), &body));
            }
            Act::Close(stream) => {
                if let Some(id) = main.forget(stream) {
                    envoy.reset_stream(id);
                }
            }
            Act::Bridge(Effect::Close(stream)) => {
                self.act(main, envoy, Act::Close(Stream::Bridged(stream)));
            }
            Act::Bridge(Effect::Open { stream, server, headers, body }) => {
                let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
                let cluster = self.servers.at(server).map_or("", |it| it.cluster.as_str());
                self.send(main, envoy, (cluster, Stream::Bridged(stream)), (pairs, &body));
            }
            Act::Bridge(Effect::Answer(asker, part)) => {
                let is_last = matches!(part, Part::End | Part::Lost);
                let told = main.askers.get(&asker).map(|line| line.put(bridged::got(part)));
                if is_last {
                    main.askers.remove(&asker);
                }
                if let Some(Err(Full)) = told {
                    self.too_much(asker.0);
                }
            }
            Act::Bridge(Effect::Warn { server, line }) => {
                let name = self.servers.at(server).map_or("", |it| it.name.as_str());
                plugin::log(Level::Warn, &format!("upstream {name}: {line}"));
            }
        }
    }
    fn send<'a>(
        &self,
        main: &mut Main,
        envoy: ConfigRef,
        (cluster, stream): (&str, Stream),
        (headers, body): (impl Iterator<Item = (&'a str, &'a [u8])>, &[u8]),
    ) {
        let length = body.len().to_string();
        let mut headers: Vec<(&str, &[u8])> = headers.collect();
        headers.extend((!body.is_empty()).then_some(("content-length", length.as_bytes())));
        let lent = lent_headers(headers.into_iter());
        if let Some(id) = envoy.start_stream(cluster, &lent, body) {
            main.streams.insert(id, stream);
            main.ids.insert(stream, id);
        } else {
            lock(&self.inbox).push_back(Event::NotSent(stream));
        }
    }
}
