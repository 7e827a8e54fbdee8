//! The head of every request that leaves for an upstream, side call or routed.

use std::borrow::Cow;
use std::time::Duration;

use crate::effect::{CallId, Callout, HeaderChange};
use crate::era::client::handshake::{REVISION, SESSION_ID};
use crate::era::upstream::{self, Subject};
use crate::gateway::{Upstream, Upstreams};
use crate::http::Headers;
use crate::mcp::header_value::{MCP_METHOD, MCP_NAME};
use crate::peer::Peer;

/// Names the cluster that Envoy's route reads; see the route in every shipped configuration.
pub(crate) const CLUSTER: &str = "x-mcp-cluster";

/// Where a client wants a stream to go on; marked with its owner (see [`crate::mcp::event_id`]).
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

/// Both types an answer may have (2025-11-25, Transports, "Sending Messages to the Server").
pub(crate) const ACCEPT_BOTH: &str = "application/json, text/event-stream";
const ACCEPT_STREAM: &str = "text/event-stream";

/// Trace context reaches every upstream, configured or not.
fn is_trace(name: &[u8]) -> bool {
    matches!(
        name,
        b"traceparent"
            | b"tracestate"
            | b"baggage"
            | b"x-request-id"
            | b"b3"
            | b"x-b3-traceid"
            | b"x-b3-spanid"
            | b"x-b3-parentspanid"
            | b"x-b3-sampled"
            | b"x-b3-flags"
    )
}

/// An encoded answer could not be read. Without the header a server may choose an encoding (RFC 9110,
/// 12.5.3), so every request has it.
const ENCODING: &str = "accept-encoding";
const PLAIN: &str = "identity";

const USER_AGENT: &str = "user-agent";
const PRODUCT: &str = concat!("mcp-mux/", env!("CARGO_PKG_VERSION"));

/// What a routed request must not pass on unless the upstream is configured so: credentials that a
/// client holds for the gateway, and what is between the client and the gateway alone. The origin was
/// checked here and means nothing to an upstream.
fn private(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"authorization" => "authorization",
        b"proxy-authorization" => "proxy-authorization",
        b"cookie" => "cookie",
        b"transfer-encoding" => "transfer-encoding",
        b"origin" => "origin",
        b"referer" => "referer",
        b"sec-fetch-site" => "sec-fetch-site",
        b"last-event-id" => LAST_EVENT_ID,
        b"x-mcp-cluster" => CLUSTER,
        b"mcp-session-id" => SESSION_ID,
        b"mcp-protocol-version" => REVISION,
        b"mcp-method" => MCP_METHOD,
        b"mcp-name" => MCP_NAME,
        _ => return None,
    })
}

/// What the client's head leaves for the requests that are made of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientHeaders {
    /// Those that side calls may pass on, names in lower case.
    kept: Vec<(String, Vec<u8>)>,
    /// Whether each of these is there because the configuration says so.
    configured: Vec<bool>,
    /// Those that routed requests must not pass on.
    private: Vec<&'static str>,
    /// The values of those that a routed request may need as they are: every change is a call into the
    /// host. `None` for a header that is not there once.
    as_is: [Option<Vec<u8>>; COMPARED],
}

/// The place of a header among those that are compared.
fn compared(name: &[u8]) -> Option<usize> {
    Some(match name {
        b":path" => 0,
        b"accept" => 1,
        b"mcp-protocol-version" => 2,
        b"content-length" => 3,
        b"accept-encoding" => 4,
        b"mcp-method" => 5,
        b"mcp-name" => 6,
        _ => return None,
    })
}

/// How many headers are set on a routed request unless the client's have the value already.
const COMPARED: usize = 7;

impl ClientHeaders {
    /// Takes what matters from the client's head.
    pub(crate) fn read(headers: Headers<'_>, upstreams: &Upstreams) -> Self {
        let mut found = Self::default();
        let mut seen = [false; COMPARED];
        for (name, value) in headers.0 {
            if let Some(name) = private(name) {
                found.private.push(name);
            }
            let configured = upstreams.iter().any(|(_, it)| forwards(it, name));
            if (configured || is_trace(name))
                && let Ok(name) = std::str::from_utf8(name)
            {
                found.kept.push((name.to_owned(), value.to_vec()));
                found.configured.push(configured);
            }
            let compared = compared(name);
            let places = compared.and_then(|at| found.as_is.get_mut(at).zip(seen.get_mut(at)));
            if let Some((place, seen)) = places {
                *place = (!std::mem::replace(seen, true)).then(|| value.to_vec());
            }
        }
        found
    }

    /// The values of the version header: none, one, or `Err` for several.
    pub(crate) fn revision(&self) -> Result<Option<&[u8]>, ()> {
        self.once(REVISION)
    }

    /// The same of a header that is both compared and not passed on.
    pub(crate) fn once(&self, header: &str) -> Result<Option<&[u8]>, ()> {
        match self.private.iter().filter(|name| **name == header).count() {
            0 => Ok(None),
            1 => Ok(self.value(header)),
            _ => Err(()),
        }
    }

    /// What upstreams see of the client besides trace context. Baggage counts as the client's own: what
    /// is in it is the application's.
    pub(crate) fn of_caller(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.kept.iter().filter(|(name, _)| name == "baggage" || !is_trace(name.as_bytes()))
    }

    /// What tells callers from each other: what upstreams are configured to be shown.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        let configured = self.kept.iter().zip(&self.configured);
        configured.filter(|(_, configured)| **configured).map(|(kept, _)| kept)
    }

    /// What a side call to `upstream` passes on.
    fn kept_for(&self, upstream: &Upstream) -> impl Iterator<Item = (String, Vec<u8>)> {
        let configured = |name: &str| upstream.set_headers.iter().any(|(set, _)| set == name);
        let passes = move |name: &str| {
            !configured(name) && (is_trace(name.as_bytes()) || forwards(upstream, name.as_bytes()))
        };
        self.kept.iter().filter(move |(name, _)| passes(name)).cloned()
    }

    /// Whether the client's request has this header once, with this value.
    fn has(&self, name: &str, value: &[u8]) -> bool {
        self.value(name) == Some(value)
    }

    /// The value of a header that is compared, if it is there once.
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.as_is.get(compared(name.as_bytes())?)?.as_deref()
    }

    /// The headers that a routed request to `upstream` must lose. One that is there once and is set
    /// afterwards need not be removed first.
    fn removed<'c>(
        &'c self,
        (upstream, peer): (&'c Upstream, &'c Peer),
        is_named: bool,
        set: &'c [HeaderChange],
    ) -> impl Iterator<Item = &'static str> {
        let is_set = |wanted: &str| {
            set.iter().any(|it| matches!(it, HeaderChange::Set(name, _) if name == wanted))
        };
        let count = |wanted: &str| self.private.iter().filter(|it| **it == wanted).count();
        // Those that say what they would be set to.
        let is_kept = move |name: &str| match name {
            REVISION => true,
            MCP_METHOD => peer.revision.is_stateless(),
            MCP_NAME => peer.revision.is_stateless() && is_named,
            _ => false,
        };
        let stays = move |name: &str| {
            forwards(upstream, name.as_bytes())
                || count(name) == 1 && (is_set(name) || is_kept(name))
        };
        let first = |at: usize, name: &str| !self.private.iter().take(at).any(|it| *it == name);
        let private = self.private.iter().enumerate();
        private.filter(move |(at, name)| first(*at, name) && !stays(name)).map(|(_, name)| *name)
    }
}

fn forwards(upstream: &Upstream, name: &[u8]) -> bool {
    upstream.forward_headers.iter().any(|forward| forward.as_bytes() == name)
}

/// What a side call sends.
#[derive(Debug)]
pub(crate) struct Sending<'s> {
    pub(crate) method: &'static str,
    /// What the head says of the body.
    pub(crate) subject: Subject<'s>,
    pub(crate) body: Vec<u8>,
    /// For the whole answer; `None` for a stream.
    pub(crate) timeout: Option<Duration>,
}

/// A side call to `upstream`, with what was agreed if something was.
pub(crate) fn call(
    id: CallId,
    upstream: &Upstream,
    peer: Option<&Peer>,
    client: &ClientHeaders,
    sending: Sending<'_>,
) -> Callout {
    let Sending { method, subject, body, timeout } = sending;
    let mut headers = Vec::with_capacity(13);
    let mut push = |name: &'static str, value: &str| {
        headers.push((Cow::Borrowed(name), value.as_bytes().to_vec()));
    };
    push(":method", method);
    push(":path", &upstream.path);
    push(":authority", &upstream.authority);
    push("accept", if method == "GET" { ACCEPT_STREAM } else { ACCEPT_BOTH });
    push(ENCODING, PLAIN);
    if !body.is_empty() {
        push("content-type", "application/json");
    }
    for (name, value) in peer.into_iter().flat_map(|peer| upstream::headers(peer, subject)) {
        push(name, &value);
    }
    headers.extend(peer.into_iter().flat_map(|peer| upstream::repeated(peer, subject)));
    for (name, value) in &upstream.set_headers {
        headers.push((Cow::Owned(name.clone()), value.as_bytes().to_vec()));
    }
    headers.extend(client.kept_for(upstream).map(|(name, value)| (Cow::Owned(name), value)));
    // There are firewalls that refuse a request that does not say who sends it.
    if !headers.iter().any(|(name, _)| name == USER_AGENT) {
        headers.push((Cow::Borrowed(USER_AGENT), PRODUCT.as_bytes().to_vec()));
    }
    Callout { id, cluster: upstream.cluster.clone(), headers, body, timeout }
}

/// What a routed request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SendAs<'r> {
    /// With a body, of this many bytes if that is known.
    Post(Option<usize>),
    /// For a stream, perhaps for what follows this event.
    Get(Option<&'r [u8]>),
}

/// Turns the client's own head into one for an upstream that has agreed to be spoken to as `peer` says.
pub(crate) fn reroute(
    (upstream, peer): (&Upstream, &Peer),
    client: &ClientHeaders,
    subject: Subject<'_>,
    routed: SendAs<'_>,
) -> Vec<HeaderChange> {
    let set = |name: &'static str, value: &str| {
        HeaderChange::Set(Cow::Borrowed(name), value.as_bytes().to_vec())
    };
    let accept = match routed {
        SendAs::Post(_) => ACCEPT_BOTH,
        SendAs::Get(_) => ACCEPT_STREAM,
    };
    let mut wanted = vec![set(":authority", &upstream.authority), set(CLUSTER, &upstream.cluster)];
    let mut compare = |name: &'static str, value: &str| {
        wanted.extend((!client.has(name, value.as_bytes())).then(|| set(name, value)));
    };
    compare(":path", &upstream.path);
    compare("accept", accept);
    compare(ENCODING, PLAIN);
    for (name, value) in upstream::headers(peer, subject) {
        compare(name, &value);
    }
    match routed {
        SendAs::Post(Some(length)) => compare("content-length", &length.to_string()),
        SendAs::Get(Some(event)) => {
            wanted.push(HeaderChange::Set(Cow::Borrowed(LAST_EVENT_ID), event.to_vec()));
        }
        SendAs::Post(None) => wanted.push(HeaderChange::Remove("content-length")),
        SendAs::Get(None) => {}
    }
    let repeated = upstream::repeated(peer, subject);
    wanted.extend(repeated.map(|(name, value)| HeaderChange::Set(name, value)));
    let removed = client.removed((upstream, peer), subject.name.is_some(), &wanted);
    let mut changes: Vec<HeaderChange> = removed.map(HeaderChange::Remove).collect();
    changes.append(&mut wanted);
    changes.extend(upstream.set_headers.iter().map(|(name, value)| {
        HeaderChange::Set(Cow::Owned(name.clone()), value.clone().into_bytes())
    }));
    changes
}
