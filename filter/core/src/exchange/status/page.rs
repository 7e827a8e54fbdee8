//! What the page says, before it is HTML or JSON.

use std::sync::atomic::Ordering;

use super::warnings::{self, Warning};
use crate::effect::Ending;
use crate::exchange::Context;
use crate::gateway::{Gateway, KeySource, Transport, UpstreamId};
use crate::mcp::revision::Revision;
use crate::seen::{Recent, UpstreamSeen};

/// How many tools are shown: first those that are in trouble, then those that were called most.
const TOOLS: usize = 100;

/// From this median on, in microseconds, an upstream or a tool is slow.
pub(super) const SLOW: u64 = 1_000_000;
/// After how many answers that is said.
pub(super) const ENOUGH: usize = 3;

/// All that is shown.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) title: String,
    /// Whether it is what all workers of the process have seen, or one of them.
    pub(super) is_of_all: bool,
    pub(super) servers: Vec<Server>,
    pub(super) tools: Vec<Tool>,
    /// How many tools were called that are not shown.
    pub(super) more_tools: usize,
    pub(super) warnings: Vec<Warning>,
    /// Names and numbers, in groups.
    pub(super) groups: Vec<(&'static str, Vec<(&'static str, u64)>)>,
}

/// How an upstream or a tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It was not asked yet.
    Unknown,
    Ok,
    Slow,
    Failing,
}

impl State {
    /// In one word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "not asked yet",
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Failing => "failing",
        }
    }

    /// Its class in the style.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Failing => "failing",
        }
    }
}

/// One upstream.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) state: State,
    pub(super) era: Option<&'static str>,
    pub(super) revision: Option<&'static str>,
    pub(super) transport: &'static str,
    /// In microseconds.
    pub(super) median: Option<u64>,
    pub(super) answers: u64,
    pub(super) failures: u64,
    /// How many of the last answers there are, and how many of them failed.
    pub(super) lately: (usize, usize),
    /// How many seconds ago.
    pub(super) last_answer: Option<u64>,
    pub(super) last_error: Option<(u64, String)>,
    pub(super) tools: Option<usize>,
    pub(super) left_out: u64,
}

/// One tool that was called.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) server: String,
    pub(super) name: String,
    pub(super) state: State,
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) lately: (usize, usize),
    /// In microseconds.
    pub(super) median: Option<u64>,
    pub(super) last_failure: Option<Ending>,
}

impl Page {
    pub(super) fn of(cx: &mut Context<'_>) -> Self {
        let (gateway, clock) = (cx.gateway, cx.clock());
        let seen = |upstream| cx.memory.seen.with(upstream, |seen| seen.clone());
        let all: Vec<(UpstreamId, UpstreamSeen)> = gateway
            .upstreams
            .ids()
            .map(|upstream| (upstream, seen(upstream).unwrap_or_default()))
            .collect();
        let servers: Vec<Server> =
            all.iter().map(|(upstream, seen)| server(cx, *upstream, seen, clock)).collect();
        let mut tools: Vec<Tool> =
            all.iter().flat_map(|(upstream, seen)| tools(gateway, *upstream, seen)).collect();
        tools.sort_by(|one, two| {
            let trouble = |it: &Tool| match it.state {
                State::Failing => 2,
                State::Slow => 1,
                State::Ok | State::Unknown => 0,
            };
            (trouble(two), two.calls).cmp(&(trouble(one), one.calls))
        });
        let has_own_key = matches!(gateway.key_source, KeySource::Process);
        let changed: Vec<(String, String)> = cx.memory.pins.with(|pins| {
            let named =
                |(upstream, own): (_, &str)| (gateway.name(upstream).to_owned(), own.into());
            pins.changed().map(named).collect()
        });
        let warnings = warnings::of(&servers, &tools, &changed, has_own_key);
        let more_tools = tools.len().saturating_sub(TOOLS);
        tools.truncate(TOOLS);
        Self {
            path: gateway.path.clone(),
            title: gateway.server.title.clone().unwrap_or_else(|| gateway.server.name.clone()),
            is_of_all: cx.host.abilities().shares_memory,
            servers,
            tools,
            more_tools,
            warnings,
            groups: groups(cx),
        }
    }
}

fn server(cx: &Context<'_>, id: UpstreamId, seen: &UpstreamSeen, clock: u64) -> Server {
    let upstream = cx.gateway.upstream(id);
    let ago = |at: u64| clock.saturating_sub(at) / 1_000_000;
    let revision = seen.revision;
    Server {
        name: upstream.name.clone(),
        cluster: upstream.cluster.clone(),
        state: state(&seen.recent, true),
        era: revision.map(|it| if it.is_stateless() { "stateless" } else { "handshake" }),
        revision: revision.map(Revision::as_str),
        transport: match upstream.transport {
            Transport::StreamableHttp => "Streamable HTTP",
            Transport::Sse => "HTTP+SSE",
        },
        median: seen.recent.median(),
        answers: seen.recent.count(),
        failures: seen.recent.failures(),
        lately: seen.recent.lately(),
        last_answer: seen.last_answer.map(ago),
        last_error: seen.last_error.as_ref().map(|(at, what)| (ago(*at), what.clone())),
        tools: seen.tool_count(),
        left_out: seen.left_out,
    }
}

fn tools<'s>(
    gateway: &'s Gateway,
    upstream: UpstreamId,
    seen: &'s UpstreamSeen,
) -> impl Iterator<Item = Tool> + use<'s> {
    let server = gateway.name(upstream);
    seen.called_tools().map(move |(name, seen)| Tool {
        server: server.to_owned(),
        name: name.to_owned(),
        state: state(&seen.recent, false),
        calls: seen.recent.count(),
        failures: seen.recent.failures(),
        lately: seen.recent.lately(),
        median: seen.recent.median(),
        last_failure: seen.last_failure,
    })
}

/// An upstream fails if its last answer did, or half of the last ones; a tool if half of its last calls did.
fn state(recent: &Recent, is_upstream: bool) -> State {
    let (count, failed) = recent.lately();
    if count == 0 {
        State::Unknown
    } else if is_upstream && recent.has_failed_last() || failed * 2 >= count && failed > 0 {
        State::Failing
    } else if count >= ENOUGH && recent.median().is_some_and(|median| median >= SLOW) {
        State::Slow
    } else {
        State::Ok
    }
}

fn groups(cx: &Context<'_>) -> Vec<(&'static str, Vec<(&'static str, u64)>)> {
    let counts = cx.memory.seen.counts();
    let open = |count: i64| u64::try_from(count).unwrap_or_default();
    let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
    let get = |it: &std::sync::atomic::AtomicU64| it.load(Ordering::Relaxed);
    vec![
        (
            "Sessions",
            vec![
                ("opened", get(&counts.opened)),
                ("ended by clients", get(&counts.ended)),
                ("recovered after a restart", get(&counts.recovered)),
                ("refused", get(&counts.refused)),
            ],
        ),
        (
            "Event streams now",
            vec![
                ("answers", open(counts.answers.load(Ordering::Relaxed))),
                ("listening", open(counts.listening.load(Ordering::Relaxed))),
                ("open questions", count(cx.memory.questions_open())),
            ],
        ),
        (
            "Lists from memory",
            vec![
                ("kept now", count(cx.memory.lists_kept())),
                ("served from memory", get(&counts.hits)),
                ("asked for", get(&counts.misses)),
                ("waited for another", get(&counts.shared)),
            ],
        ),
    ]
}
