//! What unit tests need a gateway for.

use crate::config::{Environment, compile};
use crate::gateway::{Gateway, Upstream, UpstreamId};
use crate::seal::Key;

/// A gateway of this configuration.
pub(crate) fn gateway(config: &str) -> Gateway {
    let surroundings = Environment { variable: &|_| None, process_key: &|| Ok(Key::new([1; 32])) };
    compile(config.as_bytes(), surroundings).unwrap()
}

/// The first upstream of a gateway.
pub(crate) fn first(gateway: &Gateway) -> &Upstream {
    gateway.upstream(UpstreamId::at(0))
}
