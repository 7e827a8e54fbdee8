//! What the workers of one Envoy process share, as Envoy keeps it: the key that seals sessions when none is
//! configured, what is noted of sessions, and how often lists have changed.

use mcp_mux_core::{Key, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{NotStored, shared_data};

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

/// What is noted of a session.
pub(crate) fn session_notes(session: ScopeTag) -> Notes {
    shared_data::session_notes(&value(&shared_data::session_key(session)), session)
}

/// Notes something of a session.
pub(crate) fn note(session: ScopeTag, note: &Note, expires: u64) -> Result<(), NotStored> {
    let now = host::now();
    let add = |slot: &[u8]| shared_data::with_note(slot, session, note.clone(), expires, now);
    update(&shared_data::session_key(session), add)
}

/// How often these lists have changed.
pub(crate) fn list_changes(lists: ListChanged) -> u64 {
    shared_data::changes(&value(shared_data::changes_key(lists)))
}

/// Counts that these lists have changed.
pub(crate) fn list_changed(lists: ListChanged) -> Result<(), NotStored> {
    update(shared_data::changes_key(lists), shared_data::one_more)
}

fn value(key: &str) -> Vec<u8> {
    host::shared(key).map(|(value, _)| value).unwrap_or_default()
}

/// Replaces a value, unless other workers always come first.
fn update(key: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), NotStored> {
    let replaced = (0..TRIES).any(|_| {
        let (value, version) = host::shared(key).unwrap_or((Vec::new(), ABSENT));
        host::set_shared(key, &change(&value), version)
    });
    replaced.then_some(()).ok_or(NotStored)
}
