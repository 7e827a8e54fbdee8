//! The head of every request that leaves for an upstream, side call or routed.

use std::borrow::Cow;
use std::time::Duration;

use crate::effect::{CallId, Callout, HeaderChange};
use crate::era::upstream::{self, Subject};
use crate::exchange::client_headers::ClientHeaders;
use crate::gateway::Upstream;
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
    let kept = client.kept_for(upstream);
    headers.extend(kept.map(|(name, value)| (Cow::Owned(name.to_owned()), value.to_vec())));
    // There are firewalls that refuse a request that does not say who sends it.
    if !headers.iter().any(|(name, _)| name == USER_AGENT) {
        headers.push((Cow::Borrowed(USER_AGENT), PRODUCT.as_bytes().to_vec()));
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

/// So many headers of a routed request are seldom all to be set, nor all to be removed.
const USUAL: usize = 8;

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
    let mut wanted = Vec::with_capacity(USUAL);
    wanted.extend([set(":authority", &upstream.authority), set(CLUSTER, &upstream.cluster)]);
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
        SendAs::Post(None) => wanted.push(HeaderChange::Remove("content-length".into())),
        SendAs::Get(None) => {}
    }
    let repeated = upstream::repeated(peer, subject);
    wanted.extend(repeated.map(|(name, value)| HeaderChange::Set(name, value)));
    let removed = client.removed((upstream, peer), subject.name.is_some(), &wanted);
    let mut changes = Vec::with_capacity(2 * USUAL);
    changes.extend(removed.map(|name| HeaderChange::Remove(name.into())));
    let claims = client.claims_hidden_from(upstream);
    changes.extend(claims.map(|name| HeaderChange::Remove(name.to_owned().into())));
    changes.append(&mut wanted);
    changes.extend(
        client
            .followed()
            .map(|(name, value)| HeaderChange::Set(Cow::Owned(name.to_owned()), value.to_vec())),
    );
    changes.extend(upstream.set_headers.iter().map(|(name, value)| {
        HeaderChange::Set(Cow::Owned(name.clone()), value.clone().into_bytes())
    }));
    changes
}
