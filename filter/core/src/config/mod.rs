//! The plugin's configuration, from its bytes to a [`Gateway`].
//!
//! ```text
//! bytes --document--> JSON value --tree, raw--> fields --check, keys--> Gateway
//!        (or Struct)               (one field's rules)  (rules across fields)
//! ```
//!
//! Promises: a configuration is taken whole or refused whole; a refusal names the path of the
//! field, what was found and what was expected, and shows no secret; no bytes panic. Every field
//! is described in `docs/configuration.md`.

mod access;
mod check;
mod collections;
mod credentials;
mod document;
mod error;
mod keys;
mod pins;
mod protobuf_struct;
mod raw;
#[cfg(feature = "schema")]
pub mod shape;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod units;

pub use error::ConfigError;

use crate::gateway::Gateway;
use crate::seal::Key;

/// The most upstreams of one gateway.
pub const MOST_UPSTREAMS: usize = 64;

/// The longest configuration, in bytes.
pub const LONGEST: usize = 1024 * 1024;

/// What a configuration may ask of the host.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Reads a variable of the VM's environment, for `session.keys_env`.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// A random key that all workers of the process share. Called only when no keys are
    /// configured; an error says why there is none.
    pub process_key: &'a dyn Fn() -> Result<Key, String>,
    /// Whether the host can make one stream of several, for `listen`; the same as
    /// [`Abilities::streams`](crate::host::Abilities::streams).
    pub streams: bool,
    /// Whether the host can read what Envoy's `jwt_authn` leaves in its metadata ([`HostEnv::claim`](crate::host::HostEnv::claim)).
    pub claims: bool,
    /// Whether the host makes servers of Streamable HTTP of those of the HTTP+SSE transport.
    pub bridges: bool,
}

/// Reads a configuration: JSON text or a serialized `google.protobuf.Struct`, at most [`LONGEST`] bytes.
///
/// # Errors
///
/// The first fault that is found.
pub fn compile(bytes: &[u8], surroundings: Environment<'_>) -> Result<Gateway, ConfigError> {
    let document = tree::read(document::read(bytes)?)?;
    check::gateway(document, &surroundings)
}
