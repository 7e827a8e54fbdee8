//! What has Envoy call a hook of the module's, on the thread of what that belongs to.

use std::ffi::c_void;

use crate::abi;

/// Has a hook called soon, from whatever thread.
#[derive(Debug)]
pub(crate) struct Scheduler {
    scheduler: *mut c_void,
    of_config: bool,
}

// SAFETY: Envoy made it to be used from other threads.
unsafe impl Send for Scheduler {}
// SAFETY: as above; committing an event locks what it needs.
unsafe impl Sync for Scheduler {}

impl Scheduler {
    /// One of a configuration, as Envoy has made it.
    pub(super) fn of_config(scheduler: *mut c_void) -> Self {
        Self { scheduler, of_config: true }
    }

    /// One of a filter, as Envoy has made it.
    pub(super) fn of_filter(scheduler: *mut c_void) -> Self {
        Self { scheduler, of_config: false }
    }

    /// Has the hook called with this number. Nothing happens if what it belongs to is gone.
    pub(crate) fn commit(&self, event: u64) {
        // SAFETY: the scheduler is there until it is dropped.
        unsafe {
            if self.of_config {
                abi::config_commit(self.scheduler, event);
            } else {
                abi::commit(self.scheduler, event);
            }
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // SAFETY: made by Envoy, and given back once.
        unsafe {
            if self.of_config {
                abi::config_scheduler_delete(self.scheduler);
            } else {
                abi::scheduler_delete(self.scheduler);
            }
        }
    }
}
