//! Which servers are of the HTTP+SSE transport, and requests for them.

use std::borrow::Cow;

use mcp_mux_bridge::{Part, Request};
use mcp_mux_core::effect::Callout;
use mcp_mux_core::gateway::{Gateway, Transport};

use crate::calls::Got;

/// The servers of this transport in one configuration.
pub(crate) struct Servers(Vec<Server>);

/// One of them.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) cluster: String,
    authority: String,
    path: String,
}

impl Servers {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let of_transport =
            gateway.upstreams.iter().filter(|(_, it)| it.transport == Transport::Sse);
        let server = |(_, it): (_, &mcp_mux_core::gateway::Upstream)| Server {
            name: it.name.clone(),
            cluster: it.cluster.clone(),
            authority: it.authority.clone(),
            path: it.path.clone(),
        };
        Self(of_transport.map(server).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one with this number.
    pub(crate) fn at(&self, server: usize) -> Option<&Server> {
        self.0.get(server)
    }

    /// The server that a request to this cluster, with this head, is for.
    pub(crate) fn find(&self, cluster: &[u8], head: &[(String, Vec<u8>)]) -> Option<usize> {
        let has = |name: &str, value: &str| {
            head.iter().any(|(it, found)| it == name && found == value.as_bytes())
        };
        self.0.iter().position(|it| {
            it.cluster.as_bytes() == cluster
                && has(":authority", &it.authority)
                && has(":path", &it.path)
        })
    }

    /// A request of the gateway's own, if it is for one of these.
    pub(crate) fn request(&self, callout: &Callout) -> Option<Request> {
        if self.is_empty() {
            return None;
        }
        let pair = |(name, value): (&str, &[u8])| (name.to_owned(), value.to_vec());
        let headers: Vec<_> = callout.headers.iter().map(pair).collect();
        let server = self.find(callout.cluster.as_bytes(), &headers)?;
        Some(Request { server, headers, body: callout.body.clone() })
    }
}

/// A part of an answer as Envoy would hand it over.
pub(crate) fn got(part: Part) -> Got<'static> {
    match part {
        Part::Head { status, headers } => {
            let status =
                (Cow::Borrowed(&b":status"[..]), Cow::Owned(status.to_string().into_bytes()));
            let pair = |(name, value): (&'static str, Vec<u8>)| {
                (Cow::Borrowed(name.as_bytes()), Cow::Owned(value))
            };
            Got::Head(std::iter::once(status).chain(headers.into_iter().map(pair)).collect(), false)
        }
        Part::Body(bytes) => Got::Body(vec![Cow::Owned(bytes)], false),
        Part::End => Got::End,
        Part::Lost => Got::Lost,
    }
}
