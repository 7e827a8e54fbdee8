//! The head of every request that leaves for an upstream, side call or routed.

use std::time::Duration;

use crate::effect::{CallId, Callout, HeaderChanges, HeaderList};
use crate::era::upstream::{self, Subject};
use crate::exchange::client_headers::{ClientHeaders, hidden_claims};
use crate::gateway::{Gateway, Upstream};
use crate::peer::Peer;

/// Names the cluster that Envoy's route reads; see the route in every shipped configuration.
pub(crate) const CLUSTER: &str = "x-mcp-cluster";

/// Where a client wants a stream to go on; marked with its owner (see [`crate::mcp::event_id`]).
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

/// Both types an answer may have (2025-11-25, Transports, "Sending Messages to the Server").
pub(crate) const ACCEPT_BOTH: &str = "application/json, text/event-stream";
const ACCEPT_STREAM: &str = "text/event-stream";

/// An encoded answer could not be read. Without the header a server may choose an encoding (RFC 9110,
/// 12.5.3), so every request has it.
const ENCODING: &str = "accept-encoding";
const PLAIN: &str = "identity";

const USER_AGENT: &str = "user-agent";
const PRODUCT: &str = concat!("mcp-mux/", env!("CARGO_PKG_VERSION"));

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
    let mut headers = HeaderList::with_capacity(13, 256);
    headers.add(":method", method.as_bytes());
    headers.add(":path", upstream.path.as_bytes());
    headers.add(":authority", upstream.authority.as_bytes());
    let accept = if method == "GET" { ACCEPT_STREAM } else { ACCEPT_BOTH };
    headers.add("accept", accept.as_bytes());
    headers.add(ENCODING, PLAIN.as_bytes());
    if !body.is_empty() {
        headers.add("content-type", b"application/json");
    }
    if let Some(peer) = peer {
        for (name, value) in upstream::headers(peer, subject) {
            headers.add(name, value.as_bytes());
        }
        for (name, value) in upstream::repeated(peer, subject) {
            headers.add(name.to_owned(), value.as_bytes());
        }
    }
    for (name, value) in &upstream.set_headers {
        headers.add(name.clone(), value.as_bytes());
    }
    for (name, value) in client.kept_for(upstream) {
        headers.add(name.to_owned(), value);
    }
    // There are firewalls that refuse a request that does not say who sends it.
    if !headers.has(USER_AGENT) {
        headers.add(USER_AGENT, PRODUCT.as_bytes());
    }
    Callout { id, cluster: upstream.cluster.clone(), headers, body, timeout, key: None }
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
    gateway: &Gateway,
    (upstream, peer): (&Upstream, &Peer),
    client: &ClientHeaders,
    subject: Subject<'_>,
    routed: SendAs<'_>,
) -> HeaderChanges {
    let accept = match routed {
        SendAs::Post(_) => ACCEPT_BOTH,
        SendAs::Get(_) => ACCEPT_STREAM,
    };
    let mut set = HeaderList::with_capacity(8, 192);
    set.add(":authority", upstream.authority.as_bytes());
    set.add(CLUSTER, upstream.cluster.as_bytes());
    let mut compare = |name: &'static str, value: &str| {
        if !client.has(name, value.as_bytes()) {
            set.add(name, value.as_bytes());
        }
    };
    compare(":path", &upstream.path);
    compare("accept", accept);
    compare(ENCODING, PLAIN);
    for (name, value) in upstream::headers(peer, subject) {
        compare(name, &value);
    }
    match routed {
        SendAs::Post(Some(length)) => compare("content-length", &length.to_string()),
        SendAs::Get(Some(event)) => set.add(LAST_EVENT_ID, event),
        SendAs::Post(None) | SendAs::Get(None) => {}
    }
    for (name, value) in upstream::repeated(peer, subject) {
        set.add(name.to_owned(), value.as_bytes());
    }
    let mut changes = HeaderChanges::setting(set);
    client.remove((upstream, peer), subject.name.is_some(), &mut changes);
    if let Some(claims) = hidden_claims(gateway, upstream) {
        changes.remove(claims.to_owned());
    }
    if matches!(routed, SendAs::Post(None)) {
        changes.remove("content-length");
    }
    for (name, value) in client.followed() {
        changes.set(name.to_owned(), value);
    }
    for (name, value) in &upstream.set_headers {
        changes.set(name.clone(), value.as_bytes());
    }
    changes
}
