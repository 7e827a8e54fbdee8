//! What the workers of one Envoy process share: the key that seals sessions when none is configured,
//! what is noted of sessions, and how often lists have changed.

use mcp_mux_core::catalog::cache;
use mcp_mux_core::mcp::method::Kind;
use mcp_mux_core::seal::Key;
use mcp_mux_core::session::ScopeTag;
use mcp_mux_core::session::store::{self, Note};

use crate::host;

const KEY: &str = "mcp-mux/process-key";

/// No value has this version, so writing with it only ever adds a value that is not there yet.
const ABSENT: u32 = u32::MAX;

/// How often a write is tried while other workers write the same slot.
const TRIES: usize = 100;

/// Fills `bytes` from the operating system's source of randomness.
pub(crate) fn random(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // Going on would seal sessions with bytes that can be guessed.
        std::process::abort();
    }
}

/// The random key of this process; the first VM that asks makes it.
pub(crate) fn process_key() -> Result<Key, String> {
    let mut fresh = [0; 32];
    random(&mut fresh);
    host::set_shared(KEY, &fresh, ABSENT);
    host::shared(KEY)
        .and_then(|(bytes, _)| <[u8; 32]>::try_from(bytes).ok())
        .map(Key::new)
        .ok_or_else(|| "Envoy's shared data did not keep a random key".to_owned())
}

/// Lets all workers know something of a session.
pub(crate) fn note(session: ScopeTag, note: &Note, expires: u64) {
    let add = |slot: &[u8]| store::add(slot, session, note, expires, host::now());
    if !update(&store::slot_key(session), add) {
        log::warn!("mcp-mux: a session's change could not be noted for the other workers");
    }
}

/// Lets all workers know that lists of a kind have changed.
pub(crate) fn changed(kind: Kind) {
    if !cache::changes_key(kind).is_none_or(|key| update(key, cache::one_more)) {
        log::warn!("mcp-mux: a change of lists could not be noted for the other workers");
    }
}

/// Replaces a value; `false` if other workers always came first.
fn update(key: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> bool {
    (0..TRIES).any(|_| {
        let (value, version) = host::shared(key).unwrap_or((Vec::new(), ABSENT));
        host::set_shared(key, &change(&value), version)
    })
}
