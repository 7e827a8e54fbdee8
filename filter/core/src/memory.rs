//! What workers remember between requests for their own convenience: whose a name is where names alone do
//! not say it ([`names`]), which names were reported, sessions that were opened ([`crate::session::view`]) or are
//! kept for clients without one ([`crate::session::pool`]), which era upstreams are of
//! ([`crate::era::upstream::known`]), the headers of tools ([`crate::catalog::tool_headers`]), whether they have changed ([`crate::catalog::pins`]), whose claims are whose ([`crate::principal`]), lists that may be
//! served again ([`crate::catalog::cache`]), requests that upstreams work on ([`in_progress`]), and what
//! clients are asked ([`questions`], [`parked`]). For sessions whose upstreams are opened when they are needed: what these
//! have said to others ([`introductions`]), and who hears that one was opened ([`openings`]).
//!
//! One for all workers of a configuration where the host has one memory for them, or else one for each worker. Each
//! part has a lock of its own.
//!
//! Bounded, and lost with the process or the configuration. What is forgotten costs a request to an upstream,
//! nothing else.

pub(crate) mod in_progress;
pub(crate) mod introductions;
pub(crate) mod names;
pub(crate) mod openings;
pub(crate) mod parked;
pub(crate) mod questions;
mod reports;

use std::sync::Arc;

use crate::catalog::cache::{Flight, ListCache};
use crate::catalog::pins::Pins;
use crate::catalog::tool_headers::ToolHeaders;
use crate::effect::CallKey;
use crate::era::upstream::known::KnownEras;
use crate::gateway::Gateway;
use crate::guarded::Guarded;
use crate::mcp::method::Kind;
use crate::principal::Callers;
use crate::seen::{Seen, View};
use crate::session::pool::SessionPool;
use crate::session::view::Sessions;
use crate::session::{ScopeTag, UpstreamSession};

use in_progress::InProgress;
use introductions::Introductions;
use names::{AnnouncedNames, Catalogs, Names};
use openings::Openings;
use parked::ParkedCalls;
use questions::Questions;
use reports::Reports;

/// What is remembered.
#[derive(Debug, Default)]
pub struct Memory {
    /// What is shown of upstreams, sessions, streams and lists.
    pub(crate) seen: View,
    catalogs: Guarded<Catalogs>,
    reports: Guarded<Reports>,
    /// Lists that may be served again.
    pub(crate) lists: Guarded<ListCache>,
    /// Sessions that were opened.
    pub(crate) sessions: Sessions,
    /// Which arguments the calls of tools repeat in headers.
    pub(crate) tool_headers: Guarded<ToolHeaders>,
    /// Whose claims are whose.
    pub(crate) callers: Guarded<Callers>,
    /// Which pinned tools are what they were.
    pub(crate) pins: Guarded<Pins>,
    /// The eras of upstreams.
    pub(crate) eras: Guarded<KnownEras>,
    /// Sessions at upstreams for clients that have none.
    pub(crate) pool: Guarded<SessionPool>,
    /// What upstreams have said of themselves, to be told without asking them.
    pub(crate) introductions: Guarded<Introductions>,
    /// Upstreams that are opened for sessions that are there already.
    pub(crate) openings: Guarded<Openings>,
    /// Who works on which request.
    pub(crate) in_progress: InProgress,
    /// What clients were asked by servers, and have not answered yet.
    pub(crate) questions: Questions,
    /// Calls that wait for an answer of their clients.
    pub(crate) parked: ParkedCalls,
}

impl Memory {
    /// Nothing is remembered yet; what is shown is noted in `seen`, which may be that of other configurations, too.
    #[must_use]
    pub fn new(gateway: &Gateway, seen: Arc<Seen>) -> Self {
        Self { seen: View::new(gateway, seen), ..Self::default() }
    }

    /// Remembers all names of a kind that were announced to a scope, in place of those before; their
    /// fingerprint.
    pub(crate) fn learn(
        &self,
        scope: ScopeTag,
        kind: Kind,
        told: impl Into<AnnouncedNames>,
    ) -> u64 {
        let told = told.into();
        self.catalogs.with(|catalogs| catalogs.learn(scope, kind, told))
    }

    /// The names of a kind that were announced to a scope, if they are those with this fingerprint.
    pub(crate) fn names(
        &self,
        scope: ScopeTag,
        kind: Kind,
        told: Option<u64>,
    ) -> Option<Arc<Names>> {
        let told = told?;
        self.catalogs.with(|catalogs| catalogs.names(scope, kind, told))
    }

    /// Wakes those up who hear of what is opened for a session, now that these parts of it were noted
    /// ([`Note::Joined`](crate::Note::Joined)).
    pub fn joined(&self, session: ScopeTag, parts: &[UpstreamSession]) {
        let listeners = self.openings.with(|openings| {
            for part in parts {
                openings.noted(session, part.id.as_deref());
            }
            openings.listeners(session)
        });
        for bell in listeners {
            bell.ring();
        }
    }

    /// Whether `report` is made for the first time.
    pub(crate) fn is_news(&self, report: &str) -> bool {
        self.reports.with(|reports| reports.is_news(report))
    }

    /// How many lists are kept, to be served again.
    #[must_use]
    pub fn lists_kept(&self) -> usize {
        self.lists.with(|lists| lists.count())
    }

    /// How many lists are being asked for that others may wait for.
    #[must_use]
    pub fn lists_under_way(&self) -> usize {
        self.lists.with(|lists| lists.under_way())
    }

    /// How many questions of servers are open that clients have not answered yet.
    #[must_use]
    pub fn questions_open(&self) -> usize {
        self.questions.count()
    }

    /// How many calls wait for an answer of their clients, which are of the stateless era.
    #[must_use]
    pub fn calls_parked(&self) -> usize {
        self.parked.count()
    }

    /// The calls whose clients have not answered in time, at `now` in seconds since the epoch: the host breaks them
    /// off ([`Effect::Park`](crate::effect::Effect::Park)). What tells their upstreams is among the calls of
    /// [`Self::end_unused_sessions`].
    pub fn give_up_calls(&self, now: u64) -> Vec<CallKey> {
        self.parked.give_up(now)
    }

    /// Whether a list is still being asked for. Who waits for it makes sure of that when it is known to wait: only
    /// then the answer is sure to find it.
    #[must_use]
    pub fn is_under_way(&self, flight: Flight) -> bool {
        self.lists.with(|lists| lists.is_under_way(flight))
    }
}

/// Threads share it.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Memory>();
    shared::<crate::gateway::Gateway>();
    shared::<crate::catalog::cache::Answer>();
};
