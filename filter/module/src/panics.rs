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

/// Panics in the part of a message that the request names, each at a place of its own.
#[cfg(feature = "panics")]
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn if_asked(request: host::FilterRef, part: crate::filter::Part) {
    use crate::filter::Part;

    let headers = request.headers(host::Map::Request);
    let asked = headers.iter().find(|(name, _)| *name == b"x-panic").map(|(_, value)| *value);
    match (asked, part) {
        (Some(b"RequestHead"), Part::RequestHead) => panic!("asked for in the request's head"),
        (Some(b"RequestBody"), Part::RequestBody) => panic!("asked for in the request's body"),
        (Some(b"ResponseHead"), Part::ResponseHead) => panic!("asked for in the response's head"),
        (Some(b"ResponseBody"), Part::ResponseBody) => panic!("asked for in the response's body"),
        _ => {}
    }
}
