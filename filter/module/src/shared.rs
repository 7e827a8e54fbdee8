//! What all workers of this process share: the key that seals sessions when none is configured, what is noted
//! of sessions, and how often lists have changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use mcp_mux_core::{Key, ListChanged, Note, Notes, ScopeTag};

static KEY: OnceLock<[u8; 32]> = OnceLock::new();
static NOTES: Mutex<BTreeMap<[u8; ScopeTag::LEN], Notes>> = Mutex::new(BTreeMap::new());
static CHANGES: Mutex<[u64; 3]> = Mutex::new([0; 3]);

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Fills `bytes` from the operating system's source of randomness.
pub(crate) fn random(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // Going on would seal sessions with bytes that can be guessed.
        std::process::abort();
    }
}

/// The random key of this process; who asks first makes it.
pub(crate) fn process_key() -> Key {
    Key::new(*KEY.get_or_init(|| {
        let mut key = [0; 32];
        random(&mut key);
        key
    }))
}

fn notes() -> MutexGuard<'static, BTreeMap<[u8; ScopeTag::LEN], Notes>> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn session_notes(session: ScopeTag) -> Notes {
    notes().get(&session.0).cloned().unwrap_or_default()
}

pub(crate) fn note(session: ScopeTag, note: Note) {
    notes().entry(session.0).or_default().add(note);
}

fn changes() -> MutexGuard<'static, [u64; 3]> {
    CHANGES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn list_changes(lists: ListChanged) -> u64 {
    let [tools, prompts, resources] = *changes();
    match lists {
        ListChanged::Tools => tools,
        ListChanged::Prompts => prompts,
        ListChanged::Resources => resources,
    }
}

pub(crate) fn list_changed(lists: ListChanged) {
    let [tools, prompts, resources] = &mut *changes();
    *match lists {
        ListChanged::Tools => tools,
        ListChanged::Prompts => prompts,
        ListChanged::Resources => resources,
    } += 1;
}
