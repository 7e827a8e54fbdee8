//! What is kept of the head of a client's request.

mod trace;

use std::ops::Range;

use crate::effect::HeaderChanges;
use crate::era::client::handshake::{REVISION, SESSION_ID};
use crate::exchange::upstream_request::{CLUSTER, LAST_EVENT_ID};
use crate::gateway::{CallerSource, Gateway, Upstream};
use crate::http::Headers;
use crate::mcp::header_value::{MCP_METHOD, MCP_NAME};
use crate::peer::Peer;
use crate::principal::Principal;

use trace::is_trace;

/// The headers that mean something to a routed request.
///
/// The first [`COMPARED`] are set on it unless the client's have the value already: every change is a call
/// into the host. Those from [`PRIVATE`] on it must not pass on unless the upstream is configured so:
/// credentials that a client holds for the gateway, and what is between the client and the gateway alone.
/// The origin was checked before and means nothing to an upstream.
const NAMES: [&str; 17] = [
    ":path",
    "accept",
    "content-length",
    "accept-encoding",
    REVISION,
    MCP_METHOD,
    MCP_NAME,
    SESSION_ID,
    "authorization",
    "proxy-authorization",
    "cookie",
    "transfer-encoding",
    "origin",
    "referer",
    "sec-fetch-site",
    LAST_EVENT_ID,
    CLUSTER,
];
const COMPARED: usize = 8;
const PRIVATE: usize = 4;

/// The place of a name in [`NAMES`]. Every header of a request is looked for: its length and its first letter leave one
/// name to compare it with.
fn place(name: &[u8]) -> Option<usize> {
    let at = match (name.len(), name.first()?) {
        (5, b':') => 0,
        (6, b'a') => 1,
        (14, b'c') => 2,
        (15, b'a') => 3,
        (20, b'm') => 4,
        (10, b'm') => 5,
        (8, b'm') => 6,
        (14, b'm') => 7,
        (13, b'a') => 8,
        (19, b'p') => 9,
        (6, b'c') => 10,
        (17, b't') => 11,
        (6, b'o') => 12,
        (7, b'r') => 13,
        (14, b's') => 14,
        (13, b'l') => 15,
        (13, b'x') => 16,
        _ => return None,
    };
    NAMES.get(at).filter(|known| known.as_bytes() == name).map(|_| at)
}

/// What the client's head leaves for the requests that are made of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientHeaders {
    /// Who the client is, and what it may do.
    pub(crate) principal: Principal,
    /// The names and values that are kept, one after the other.
    text: Vec<u8>,
    /// Those that side calls may pass on, names in lower case.
    kept: Vec<Kept>,
    /// How often each of [`NAMES`] is there.
    counts: [u8; NAMES.len()],
    /// The values of those that are compared; of one that is there more than once, the first.
    values: [Range<usize>; COMPARED],
}

/// A header that side calls may pass on: where its name and its value are in the text.
#[derive(Clone, Debug)]
struct Kept {
    name: Range<usize>,
    value: Range<usize>,
    /// Whether it is there because the configuration says so.
    is_configured: bool,
    /// Whether it came of the body.
    is_followed: bool,
}

impl ClientHeaders {
    /// Takes what matters from the client's head.
    pub(crate) fn read(headers: Headers<'_>, gateway: &Gateway, principal: Principal) -> Self {
        let mut found = Self { principal, text: Vec::with_capacity(512), ..Self::default() };
        let upstreams = &gateway.upstreams;
        let forwarding = upstreams.iter().any(|(_, it)| !it.forward_headers.is_empty());
        for (name, value) in headers.0 {
            let place = place(name);
            if let Some((at, count)) = place.and_then(|at| Some((at, found.counts.get_mut(at)?))) {
                *count = count.saturating_add(1);
                if *count == 1 && at < COMPARED {
                    let range = found.add(value);
                    if let Some(value) = found.values.get_mut(at) {
                        *value = range;
                    }
                }
            }
            let is_configured = forwarding && upstreams.iter().any(|(_, it)| forwards(it, name));
            if is_trace(name) || is_configured && std::str::from_utf8(name).is_ok() {
                let (name, value) = (found.add(name), found.add(value));
                found.kept.push(Kept { name, value, is_configured, is_followed: false });
            }
        }
        found
    }

    fn add(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        start..self.text.len()
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The name and the value of what is kept.
    fn header(&self, kept: &Kept) -> (&str, &[u8]) {
        let name = std::str::from_utf8(self.bytes(&kept.name)).unwrap_or_default();
        (name, self.bytes(&kept.value))
    }

    /// The values of the version header: none, one, or `Err` for several.
    pub(crate) fn revision(&self) -> Result<Option<&[u8]>, ()> {
        self.once(REVISION)
    }

    /// The id of its session, whether or not there is such a one.
    pub(crate) fn session(&self) -> Option<&[u8]> {
        let at = place(SESSION_ID.as_bytes())?;
        (self.count(SESSION_ID) > 0).then_some(self.bytes(self.values.get(at)?))
    }

    /// The same of a header that is both compared and not passed on.
    pub(crate) fn once(&self, header: &str) -> Result<Option<&[u8]>, ()> {
        match self.count(header) {
            0 => Ok(None),
            1 => Ok(self.value(header)),
            _ => Err(()),
        }
    }

    fn count(&self, header: &str) -> u8 {
        let count = place(header.as_bytes()).and_then(|at| self.counts.get(at));
        count.copied().unwrap_or_default()
    }

    /// What upstreams see of the client besides trace context. Baggage counts as the client's own: what
    /// is in it is the application's.
    pub(crate) fn of_caller(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let kept = self.kept.iter().map(|kept| self.header(kept));
        kept.filter(|(name, _)| *name == "baggage" || !is_trace(name.as_bytes()))
    }

    /// What tells callers from each other: what upstreams are configured to be shown.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.kept.iter().filter(|kept| kept.is_configured).map(|kept| self.header(kept))
    }

    /// What a side call to `upstream` passes on.
    pub(crate) fn kept_for(&self, upstream: &Upstream) -> impl Iterator<Item = (&str, &[u8])> {
        let configured = |name: &str| upstream.set_headers.iter().any(|(set, _)| set == name);
        let passes = move |name: &str| {
            !configured(name) && (is_trace(name.as_bytes()) || forwards(upstream, name.as_bytes()))
        };
        let kept = self.kept.iter().map(|kept| self.header(kept));
        kept.filter(move |(name, _)| passes(name))
    }

    /// Whether the client's request has this header once, with this value.
    pub(crate) fn has(&self, name: &str, value: &[u8]) -> bool {
        self.value(name) == Some(value)
    }

    /// The value of a header that is compared, if it is there once.
    fn value(&self, name: &str) -> Option<&[u8]> {
        let at = place(name.as_bytes())?;
        let is_one = self.counts.get(at) == Some(&1);
        is_one.then_some(self.values.get(at)).flatten().map(|range| self.bytes(range))
    }

    /// Removes the headers that a routed request to `upstream` must lose. One that is there once and is set
    /// afterwards need not be removed first.
    pub(crate) fn remove(
        &self,
        (upstream, peer): (&Upstream, &Peer),
        is_named: bool,
        changes: &mut HeaderChanges,
    ) {
        // Those that say what they would be set to.
        let is_kept = |name: &str| match name {
            REVISION => true,
            MCP_METHOD => peer.revision.is_stateless(),
            MCP_NAME => peer.revision.is_stateless() && is_named,
            _ => false,
        };
        let there = NAMES.iter().zip(self.counts).skip(PRIVATE).filter(|(_, count)| *count > 0);
        for (name, count) in there {
            let stays = count == 1 && (is_kept(name) || changes.to_set().has(name));
            if !stays && !forwards(upstream, name.as_bytes()) {
                changes.remove(*name);
            }
        }
    }
}

/// The header that says what the client's token does, if there is one, and `upstream` is not configured to be shown it.
pub(crate) fn hidden_claims<'g>(gateway: &'g Gateway, upstream: &Upstream) -> Option<&'g str> {
    let claims = gateway.caller.as_ref().and_then(CallerSource::private_header);
    claims.filter(|name| !forwards(upstream, name.as_bytes()))
}

fn forwards(upstream: &Upstream, name: &[u8]) -> bool {
    upstream.forward_headers.iter().any(|forward| forward.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_place() {
        for (at, name) in NAMES.iter().enumerate() {
            assert_eq!(place(name.as_bytes()), Some(at), "{name}");
            let other = [name.get(..name.len() - 1).unwrap(), "?"].concat();
            assert_eq!(place(other.as_bytes()), None, "{other}");
        }
    }
}
