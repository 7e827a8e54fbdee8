//! What all workers have in common under one configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_mux_core::config::{self, Environment};
use mcp_mux_core::effect::{CallKey, Callout};
use mcp_mux_core::gateway::{Gateway, KeySource};
use mcp_mux_core::{Answer, Flight, Guarded, Memory, Seen};

use crate::host::Level;
use crate::mailbox::{Mailbox, News};

/// The configuration, what is remembered under it, and who waits for whom. One for each configuration, and if the
/// host's threads have no memory in common, for each thread.
#[derive(Debug)]
pub struct Shared {
    gateway: Arc<Gateway>,
    pub(crate) memory: Memory,
    /// Who waits for a list that another stream asks for.
    waiting: Guarded<BTreeMap<Flight, Vec<Arc<Mailbox>>>>,
}

impl Shared {
    /// Nothing is remembered yet.
    #[must_use]
    pub fn new(gateway: impl Into<Arc<Gateway>>) -> Arc<Self> {
        Self::with(gateway, Arc::default())
    }

    /// The same; what the status page shows is noted in `seen`, which other configurations may have, too.
    fn with(gateway: impl Into<Arc<Gateway>>, seen: Arc<Seen>) -> Arc<Self> {
        let gateway = gateway.into();
        let memory = Memory::new(&gateway, seen);
        Arc::new(Self { gateway, memory, waiting: Guarded::default() })
    }

    /// The same configuration with a memory of its own.
    #[must_use]
    pub fn beside(&self) -> Arc<Self> {
        Self::new(self.gateway.clone())
    }

    /// With the configuration that a document holds; `None` if that is refused. What came of it is logged. `build`
    /// names the program that runs: its name, version and revision. What the status page shows is noted in `seen`, so that
    /// the next configuration goes on with it.
    pub fn configured(
        document: &[u8],
        environment: Environment<'_>,
        build: &str,
        seen: Arc<Seen>,
        log: &mut dyn FnMut(Level, &str),
    ) -> Option<Arc<Self>> {
        match config::compile(document, environment) {
            Ok(gateway) => {
                announce(&gateway, build, log);
                Some(Self::with(gateway, seen))
            }
            Err(error) => {
                log(Level::Error, &format!("configuration refused: {error}"));
                None
            }
        }
    }

    /// The configuration.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// How many lists are kept, to be served again.
    #[must_use]
    pub fn lists_kept(&self) -> usize {
        self.memory.lists_kept()
    }

    /// How many lists are being asked for that other streams may wait for.
    #[must_use]
    pub fn lists_under_way(&self) -> usize {
        self.memory.lists_under_way()
    }

    /// How many questions of servers are open that clients have not answered yet.
    #[must_use]
    pub fn questions_open(&self) -> usize {
        self.memory.questions_open()
    }

    /// How many calls wait for an answer of their clients, which are of the stateless era.
    #[must_use]
    pub fn calls_parked(&self) -> usize {
        self.memory.calls_parked()
    }

    /// How many streams wait for a list that another one asks for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.with(|waiting| waiting.values().map(Vec::len).sum())
    }

    /// The calls that were [parked](crate::Host::park) and are not waited with any longer: the host breaks them off. `now` is in
    /// seconds since the epoch. To be asked for right before [`Self::unused_sessions`].
    #[must_use]
    pub fn given_up(&self, now: u64) -> Vec<CallKey> {
        self.memory.give_up_calls(now)
    }

    /// The calls that end sessions which nobody uses any more, a few at a time, and that tell upstreams what was
    /// given up; `now` is in seconds since the epoch. They are of no stream, and nobody waits for their answers. To be asked for every few seconds for
    /// as long as [`Self::keeps_sessions`], by one thread or by many.
    #[must_use]
    pub fn unused_sessions(&self, now: u64) -> Vec<Callout> {
        self.memory.end_unused_sessions(&self.gateway, now)
    }

    /// The calls that tell upstreams that nothing is kept any longer, as the configuration ends; as those of
    /// [`Self::unused_sessions`], but all at once.
    #[must_use]
    pub fn end(&self) -> Vec<Callout> {
        self.memory.end(&self.gateway)
    }

    /// Whether there are sessions that will have to end when nobody uses them any more, or calls to give up.
    #[must_use]
    pub fn keeps_sessions(&self) -> bool {
        self.memory.keeps_sessions()
    }

    /// Lets a stream know when a list is settled.
    pub(crate) fn subscribe(&self, flight: Flight, mailbox: &Arc<Mailbox>) {
        self.waiting.with(|waiting| waiting.entry(flight).or_default().push(mailbox.clone()));
        // On another thread it may have been settled before anybody was known to wait.
        if !self.memory.is_under_way(flight) && self.unsubscribe(flight, mailbox) {
            mailbox.deliver(News::Published(None));
        }
    }

    /// Forgets that a stream waits for a list; `false` if it has its news, or is about to get it.
    pub(crate) fn unsubscribe(&self, flight: Flight, mailbox: &Arc<Mailbox>) -> bool {
        self.waiting.with(|waiting| {
            let Some(all) = waiting.get_mut(&flight) else { return false };
            let before = all.len();
            all.retain(|it| !Arc::ptr_eq(it, mailbox));
            let (now, is_found) = (all.len(), all.len() < before);
            if now == 0 {
                waiting.remove(&flight);
            }
            is_found
        })
    }

    /// Has all woken up soon who wait for a list, with its answer.
    pub(crate) fn publish(&self, flight: Flight, answer: Option<&Answer>) {
        let reached = self.waiting.with(|waiting| waiting.remove(&flight)).unwrap_or_default();
        for mailbox in reached {
            mailbox.deliver(News::Published(answer.cloned()));
        }
    }
}

fn announce(gateway: &Gateway, build: &str, log: &mut dyn FnMut(Level, &str)) {
    let path = &gateway.path;
    let upstreams = gateway.upstream_names().collect::<Vec<_>>().join(", ");
    log(Level::Info, &format!("{build} serves {path} for upstreams: {upstreams}"));
    if matches!(gateway.key_source, KeySource::Process) {
        let line = "no session keys are configured: sessions end with this process; set session.keys or \
                    session.keys_env";
        log(Level::Warn, line);
    }
}

/// Threads share it.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Shared>();
};
