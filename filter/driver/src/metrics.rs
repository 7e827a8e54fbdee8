//! What metrics there are, and what they are called.
//!
//! Each is one of a [family](FAMILIES), with a value for each label of that. Labels of methods, endings and faults are
//! the core's own, upstreams and tools those of the configuration and of its servers' lists, so there is a bounded
//! number of metrics.

use mcp_mux_core::effect::{Counter, Outcome, Served, SessionEvent};
use mcp_mux_core::gateway::{Gateway, UpstreamId};

/// What stands where a request went to no upstream, or to several.
pub(crate) const NO_UPSTREAM: &str = "-";

/// What a metric of a family does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It tells how values are spread.
    Histogram,
}

impl MetricKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Metrics that differ in their labels.
#[derive(Debug)]
pub struct Family {
    /// Its name, which follows `mcp_mux.`.
    pub name: &'static str,
    /// What its metrics do.
    pub kind: MetricKind,
    /// The names of its labels, in the order in which their values follow the name.
    pub labels: &'static [&'static str],
    /// What it tells, in one line.
    pub help: &'static str,
}

/// The label of methods.
pub(crate) const METHOD: &str = "mcp_method";
/// The label of upstreams.
pub(crate) const UPSTREAM: &str = "mcp_upstream";
/// The label of how something ended.
pub(crate) const OUTCOME: &str = "mcp_outcome";
/// The label of tools.
pub(crate) const TOOL: &str = "mcp_tool";
/// The label of what an upstream did wrong.
pub(crate) const FAULT: &str = "mcp_fault";
/// The label of kinds and events.
pub(crate) const KIND: &str = "mcp_kind";
/// The label of eras.
pub(crate) const ERA: &str = "mcp_era";

const fn family(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind, labels, help }
}

/// How long requests of clients took.
pub(crate) static OPERATION_MS: Family = family(
    "operation_ms",
    MetricKind::Histogram,
    &[METHOD, UPSTREAM, OUTCOME],
    "how long requests of clients took, in milliseconds, from the head to the answer \
     (`mcp.server.operation.duration`); of a stream, until it was open",
);
/// How long upstreams took to answer.
pub(crate) static UPSTREAM_MS: Family = family(
    "upstream_ms",
    MetricKind::Histogram,
    &[METHOD, UPSTREAM, OUTCOME],
    "how long each upstream took to answer, in milliseconds: clients' requests that it was sent, and the gateway's own \
     (`mcp.client.operation.duration`)",
);
/// How long calls of each tool took.
pub(crate) static TOOL_MS: Family = family(
    "tool_ms",
    MetricKind::Histogram,
    &[UPSTREAM, OUTCOME, TOOL],
    "how long calls of each tool took, in milliseconds, by the upstream's own name of it; with `metrics.tools` alone, \
     and only tools that the upstream has listed",
);
/// How long requests are.
pub(crate) static REQUEST_BYTES: Family = family(
    "request_bytes",
    MetricKind::Histogram,
    &[METHOD],
    "how long the bodies of clients' requests are",
);
/// How long answers are.
pub(crate) static RESPONSE_BYTES: Family = family(
    "response_bytes",
    MetricKind::Histogram,
    &[METHOD],
    "how long the bodies of answers are; of an event stream, up to the answer",
);
/// Event streams that are open.
pub(crate) static OPEN_STREAMS: Family = family(
    "open_streams",
    MetricKind::Gauge,
    &[KIND],
    "event streams to clients that are open: `answer` to a request, or `listen` (GET, `subscriptions/listen`)",
);
/// Eras of upstreams.
pub(crate) static UPSTREAM_ERA: Family = family(
    "upstream_era",
    MetricKind::Gauge,
    &[UPSTREAM, ERA],
    "1 for the era that the upstream was found to speak, `handshake` or `stateless`; 0 for the other one",
);

static REQUESTS: Family = family(
    "requests",
    MetricKind::Counter,
    &[METHOD, OUTCOME],
    "requests of clients, by who is at fault: `ok`, `client_error`, `upstream_error`, `busy` (no memory left for it), \
     `cancelled`",
);
static SIDE_CALLS: Family = family(
    "side_calls",
    MetricKind::Counter,
    &[UPSTREAM, OUTCOME],
    "requests of the gateway's own to upstreams: `ok` or `failed`",
);
static FAULTS: Family = family(
    "faults",
    MetricKind::Counter,
    &[UPSTREAM, FAULT],
    "what an upstream did wrong, or what befell it, where an answer is an error or goes without it",
);
static SESSIONS: Family = family(
    "sessions",
    MetricKind::Counter,
    &[KIND],
    "sessions of clients: `opened`, `ended` by a DELETE, or `refused` (no such id, expired, or ended)",
);
static SESSIONS_RECOVERED: Family = family(
    "sessions_recovered",
    MetricKind::Counter,
    &[UPSTREAM],
    "parts of sessions that an upstream had lost and was initialized for again",
);
static ITEMS_DROPPED: Family = family(
    "items_dropped",
    MetricKind::Counter,
    &[UPSTREAM],
    "items of an upstream's lists that clients are not shown, since they could not read or reach them",
);
static NAMES_IN_CONFLICT: Family = family(
    "names_in_conflict",
    MetricKind::Counter,
    &[UPSTREAM],
    "names that were left out since an upstream before has them, too",
);
static ODD_NAMES: Family = family(
    "odd_names",
    MetricKind::Counter,
    &[UPSTREAM],
    "names of tools that some clients refuse",
);
static TOOLS_CHANGED: Family = family(
    "tools_changed",
    MetricKind::Counter,
    &[UPSTREAM],
    "pinned tools whose definition is another one than was pinned (`tools.pin`)",
);
static CATALOG: Family = family(
    "catalog",
    MetricKind::Counter,
    &[KIND],
    "lists that may be kept (`catalog`): `hit` (served from memory), `miss`, or `shared` (another request was asking)",
);
static PANICS: Family =
    family("panics", MetricKind::Counter, &[], "faults of the gateway itself; native host alone");

/// Every family.
pub static FAMILIES: [&Family; 18] = [
    &OPERATION_MS,
    &UPSTREAM_MS,
    &TOOL_MS,
    &REQUEST_BYTES,
    &RESPONSE_BYTES,
    &OPEN_STREAMS,
    &UPSTREAM_ERA,
    &REQUESTS,
    &SIDE_CALLS,
    &FAULTS,
    &SESSIONS,
    &SESSIONS_RECOVERED,
    &ITEMS_DROPPED,
    &NAMES_IN_CONFLICT,
    &ODD_NAMES,
    &TOOLS_CHANGED,
    &CATALOG,
    &PANICS,
];

/// A metric of a family.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'m> {
    /// Its family.
    pub family: &'static Family,
    /// The values of the family's labels.
    pub values: &'m [&'m str],
}

impl Metric<'_> {
    /// Appends its name, with its parts between dots: `mcp_mux.<family>.<value>...`.
    pub fn write_name(&self, out: &mut String) {
        out.push_str("mcp_mux.");
        out.push_str(self.family.name);
        for value in self.values {
            out.push('.');
            out.push_str(value);
        }
    }
}

/// The name of an upstream as a label.
pub(crate) fn upstream_label(gateway: &Gateway, upstream: Option<UpstreamId>) -> &str {
    upstream.map_or(NO_UPSTREAM, |upstream| gateway.name(upstream))
}

/// The name of a counter, its parts between dots; the first of them is that of its family.
#[must_use]
pub fn metric_name(gateway: &Gateway, counter: &Counter) -> String {
    let mut out = String::new();
    let mut name = |family, values: &[&str]| Metric { family, values }.write_name(&mut out);
    match *counter {
        Counter::Request { method, outcome } => name(&REQUESTS, &[method, outcome_label(outcome)]),
        Counter::SideCall { upstream, ok } => {
            name(&SIDE_CALLS, &[gateway.name(upstream), if ok { "ok" } else { "failed" }]);
        }
        Counter::Fault { upstream, fault } => name(&FAULTS, &[gateway.name(upstream), fault]),
        Counter::ItemDropped { upstream } => name(&ITEMS_DROPPED, &[gateway.name(upstream)]),
        Counter::NameConflict { upstream } => name(&NAMES_IN_CONFLICT, &[gateway.name(upstream)]),
        Counter::OddName { upstream } => name(&ODD_NAMES, &[gateway.name(upstream)]),
        Counter::SessionRecovered { upstream } => {
            name(&SESSIONS_RECOVERED, &[gateway.name(upstream)]);
        }
        Counter::Session(event) => {
            let event = match event {
                SessionEvent::Opened => "opened",
                SessionEvent::Ended => "ended",
                SessionEvent::Refused => "refused",
            };
            name(&SESSIONS, &[event]);
        }
        Counter::Catalog(source) => {
            let source = match source {
                Served::Hit => "hit",
                Served::Miss => "miss",
                Served::Shared => "shared",
            };
            name(&CATALOG, &[source]);
        }
        Counter::ToolChanged { upstream } => {
            name(&TOOLS_CHANGED, &[gateway.name(upstream)]);
        }
    }
    out
}

fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::ClientError => "client_error",
        Outcome::UpstreamError => "upstream_error",
        Outcome::Busy => "busy",
        Outcome::Cancelled => "cancelled",
    }
}
