//! Whether requests for an endpoint are served by another configuration than they were: streams that live on tell
//! their clients to come back then. Envoy says nothing of it to a configuration that is in use.
//!
//! Listeners of one process that have the same path and different configurations are taken for one: a change of one
//! of them is a change of all, and clients come back once in vain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What was configured last for a path, and how often that has changed.
type Endpoint = (Vec<u8>, Arc<AtomicU64>);

/// By path. As many are kept as the configurations of this process have ever had.
static ENDPOINTS: Mutex<BTreeMap<String, Endpoint>> = Mutex::new(BTreeMap::new());

/// The count for this path, now that it is configured so.
pub(crate) fn count(path: &str, document: &[u8]) -> Arc<AtomicU64> {
    let mut endpoints = ENDPOINTS.lock().unwrap_or_else(PoisonError::into_inner);
    let (last, count) = endpoints.entry(path.to_owned()).or_default();
    if last != document {
        document.clone_into(last);
        count.fetch_add(1, Ordering::Relaxed);
    }
    count.clone()
}
