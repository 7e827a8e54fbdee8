//! What unit tests need a gateway for.

use crate::config::{Environment, compile};
use crate::gateway::{Gateway, Upstream, UpstreamId};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::to_client::Origin;
use crate::seal::{Key, ScopeTag};

/// A gateway of this configuration.
pub(crate) fn gateway(config: &str) -> Gateway {
    let surroundings = Environment {
        variable: &|_| None,
        process_key: &|| Ok(Key::new([1; 32])),
        streams: false,
        claims: true,
        bridges: true,
    };
    compile(config.as_bytes(), surroundings).unwrap()
}

/// The first upstream of a gateway.
pub(crate) fn first(gateway: &Gateway) -> &Upstream {
    gateway.upstream(UpstreamId::at(0))
}

/// The origin of what the first upstream answers a request with, or says by itself.
pub(crate) fn origin<'o>(
    gateway: &'o Gateway,
    request: Option<&'o Id<'o>>,
    shape: Shape,
) -> Origin<'o> {
    Origin {
        upstream: first(gateway),
        tags: OwnerTags { keys: &gateway.keys, scope: ScopeTag::NONE },
        request,
        shape,
        dialect: Dialect::HANDSHAKE,
    }
}
