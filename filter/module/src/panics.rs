//! What happens to a panic: nothing but the request that it happened in.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::{abi, host};

/// How many places are remembered, so that each is logged once; there are no more lines after that.
const PLACES: usize = 64;

static LOGGED: Mutex<BTreeSet<(String, u32)>> = Mutex::new(BTreeSet::new());

/// Has panics written to Envoy's log, those of each place once.
pub(crate) fn log_them() {
    std::panic::set_hook(Box::new(|panic| {
        if is_news(panic) {
            host::log(
                abi::ERROR,
                &format!("mcp-mux: a fault of the filter, please report it: {panic}"),
            );
        }
    }));
}

/// Runs a hook; `None` if it panicked.
pub(crate) fn catch<T>(hook: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(hook)).ok()
}

fn is_news(panic: &PanicHookInfo<'_>) -> bool {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    let place = panic.location().map_or((String::new(), 0), |at| (at.file().to_owned(), at.line()));
    logged.len() < PLACES && logged.insert(place)
}
