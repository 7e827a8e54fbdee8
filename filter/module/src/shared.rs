//! What all workers of this process share, whatever configuration they serve: the key that seals sessions when
//! none is configured, and what is noted of sessions.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mcp_mux_core::{Key, Seen};
use mcp_mux_driver::SharedNotes;

/// What is noted of sessions, and of lists.
pub(crate) static NOTES: LazyLock<Arc<SharedNotes>> = LazyLock::new(Arc::default);

/// What the status page shows.
pub(crate) static SEEN: LazyLock<Arc<Seen>> = LazyLock::new(Arc::default);

static KEY: OnceLock<[u8; 32]> = OnceLock::new();

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "a host has the time")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Microseconds since this was first asked for.
#[expect(clippy::disallowed_methods, reason = "a host has the time")]
pub(crate) fn clock() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_micros()).unwrap_or(u64::MAX)
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
