//! The head of every request that leaves for an upstream, side call or routed.

use std::time::Duration;

use crate::effect::{Call, CallId, HeaderChange};
use crate::gateway::Upstream;
use crate::http::Headers;
use crate::session::Member;

/// Names the cluster that Envoy's route reads; see the route in every shipped configuration.
pub(super) const CLUSTER: &str = "x-mcp-cluster";

/// The version header, in lower case (2025-06-18, Transports, "Protocol Version Header").
pub(super) const REVISION: &str = "mcp-protocol-version";

/// Where a client wants a stream to go on; marked with its owner (see [`crate::mark`]).
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

const SESSION_ID: &str = super::reply::SESSION_ID;

/// Both types an answer may have (2025-11-25, Transports, "Sending Messages to the Server").
const ACCEPT_BOTH: &str = "application/json, text/event-stream";
const ACCEPT_STREAM: &str = "text/event-stream";

/// Trace context reaches every upstream, configured or not.
const TRACE: [&str; 10] = [
    "traceparent",
    "tracestate",
    "baggage",
    "x-request-id",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];

/// Credentials a client holds for the gateway: an upstream sees them if it is configured to.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// An encoded answer could not be read; without this header any encoding would be welcome (RFC 9110,
/// 12.5.3).
const ENCODING: &str = "accept-encoding";
const PLAIN: &str = "identity";

/// What is between the client and the gateway alone. The origin was checked here and means nothing to
/// an upstream.
const HOP: [&str; 5] = ["transfer-encoding", "origin", "referer", "sec-fetch-site", LAST_EVENT_ID];

/// What the client's head leaves for the requests that are made of it.
#[derive(Debug, Default)]
pub(super) struct ClientHeaders {
    /// Those that side calls may pass on, names in lower case.
    kept: Vec<(String, Vec<u8>)>,
    /// Those that routed requests must not pass on unless the upstream is configured so.
    present: Vec<&'static str>,
}

impl ClientHeaders {
    /// Takes what matters from the client's head.
    pub(super) fn read(headers: Headers<'_>, upstreams: &[Upstream]) -> Self {
        let wanted = |name: &[u8]| {
            TRACE.iter().any(|trace| trace.as_bytes() == name)
                || upstreams.iter().any(|it| forwards(it, name))
        };
        let kept = headers.0.iter().filter(|(name, _)| wanted(name));
        let kept = kept.filter_map(|(name, value)| {
            Some((std::str::from_utf8(name).ok()?.to_owned(), value.to_vec()))
        });
        let private = CREDENTIALS.iter().chain(&HOP).chain(&[CLUSTER, SESSION_ID, REVISION]);
        Self {
            kept: kept.collect(),
            present: private.copied().filter(|name| headers.has(name)).collect(),
        }
    }

    /// What upstreams see of the client besides trace context. Baggage counts as the client's own: what
    /// is in it is the application's.
    pub(super) fn of_caller(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        let is_trace = |name: &str| name != "baggage" && TRACE.contains(&name);
        self.kept.iter().filter(move |(name, _)| !is_trace(name))
    }

    /// What a side call to `upstream` passes on.
    fn kept_for(&self, upstream: &Upstream) -> impl Iterator<Item = (String, Vec<u8>)> {
        let configured = |name: &str| upstream.set_headers.iter().any(|(set, _)| set == name);
        let passes = move |name: &str| {
            !configured(name) && (TRACE.contains(&name) || forwards(upstream, name.as_bytes()))
        };
        self.kept.iter().filter(move |(name, _)| passes(name)).cloned()
    }
}

fn forwards(upstream: &Upstream, name: &[u8]) -> bool {
    upstream.forward_headers.iter().any(|forward| forward.as_bytes() == name)
}

/// What a side call sends.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) method: &'static str,
    pub(super) body: Vec<u8>,
    /// For the whole answer.
    pub(super) timeout: Duration,
}

/// A side call to `upstream`, in its part of the session if there is one yet.
pub(super) fn call(
    id: CallId,
    upstream: &Upstream,
    member: Option<&Member>,
    client: &ClientHeaders,
    sending: Sending,
) -> Call {
    let Sending { method, body, timeout } = sending;
    let mut headers = Vec::with_capacity(12);
    let mut push = |name: &str, value: &str| {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    };
    push(":method", method);
    push(":path", &upstream.path);
    push(":authority", &upstream.authority);
    push("accept", ACCEPT_BOTH);
    push(ENCODING, PLAIN);
    if !body.is_empty() {
        push("content-type", "application/json");
    }
    if let Some(member) = member {
        push(REVISION, member.revision.as_str());
        if let Some(session) = &member.id {
            push(SESSION_ID, session);
        }
    }
    for (name, value) in &upstream.set_headers {
        push(name, value);
    }
    headers.extend(client.kept_for(upstream));
    Call { id, cluster: upstream.cluster.clone(), headers, body, timeout }
}

/// What a routed request is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Routed<'r> {
    /// With a body of this many bytes.
    Post(usize),
    /// For a stream, perhaps for what follows this event.
    Get(Option<&'r [u8]>),
}

/// Turns the client's own head into one for `upstream`.
pub(super) fn reroute(
    upstream: &Upstream,
    member: &Member,
    client: &ClientHeaders,
    routed: Routed<'_>,
) -> Vec<HeaderChange> {
    let set =
        |name: &str, value: &str| HeaderChange::Set(name.to_owned(), value.as_bytes().to_vec());
    let accept = match routed {
        Routed::Post(_) => ACCEPT_BOTH,
        Routed::Get(_) => ACCEPT_STREAM,
    };
    let private = client.present.iter().filter(|name| !forwards(upstream, name.as_bytes()));
    let mut changes: Vec<HeaderChange> = private.map(|name| HeaderChange::Remove(name)).collect();
    changes.push(set(":path", &upstream.path));
    changes.push(set(":authority", &upstream.authority));
    changes.push(set(CLUSTER, &upstream.cluster));
    changes.push(set("accept", accept));
    changes.push(set(ENCODING, PLAIN));
    changes.push(set(REVISION, member.revision.as_str()));
    if let Some(session) = &member.id {
        changes.push(set(SESSION_ID, session));
    }
    match routed {
        Routed::Post(length) => changes.push(set("content-length", &length.to_string())),
        Routed::Get(Some(event)) => {
            changes.push(HeaderChange::Set(LAST_EVENT_ID.to_owned(), event.to_vec()));
        }
        Routed::Get(None) => {}
    }
    changes.extend(upstream.set_headers.iter().map(|(name, value)| set(name, value)));
    changes
}
