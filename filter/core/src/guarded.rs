//! A value that threads use in turn.

use std::sync::{Mutex, PoisonError};

/// A value behind a lock. It is reached only from within a closure, so that where the lock is held can be seen:
/// briefly, and never over parsing or a call into the host.
#[derive(Debug, Default)]
pub struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    /// Guards a value.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Uses the value; other threads wait meanwhile. `act` must not come back here. If another thread has
    /// panicked while it used the value, that is taken as it is.
    #[inline]
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_thread_that_panicked_leaves_it_usable() {
        let guarded = Guarded::new(1);
        let panics = AssertUnwindSafe(|| guarded.with(|value| assert!(*value == 0, "on purpose")));
        assert!(catch_unwind(panics).is_err());
        guarded.with(|value| *value += 1);
        assert_eq!(guarded.with(|value| *value), 2);
    }
}
