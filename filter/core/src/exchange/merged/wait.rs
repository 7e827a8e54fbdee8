//! What has to wait: in whole seconds, since the host's clock has no others.

use std::time::Duration;

/// How long an upstream is left alone before its stream is opened again, at first and at most, in seconds.
const FIRST: u64 = 1;
const LONGEST: u64 = 30;

/// The longest time that an upstream may ask for by `retry`, in seconds.
const LONGEST_RETRY: u64 = 300;

/// A time that has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Wait {
    since: u64,
    length: u64,
}

impl Wait {
    /// From `since`, in seconds since the epoch, for `length` seconds.
    pub(in crate::exchange) const fn new(since: u64, length: u64) -> Self {
        Self { since, length }
    }

    /// How many seconds are left of it. It is over if the clock was set back meanwhile.
    pub(in crate::exchange) fn left(self, now: u64) -> u64 {
        now.checked_sub(self.since).map_or(0, |passed| self.length.saturating_sub(passed))
    }
}

/// How long an upstream is left alone the next time.
#[derive(Debug)]
pub(super) struct Backoff {
    next: u64,
    /// What it has asked for itself.
    retry: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST, retry: 0 }
    }
}

impl Backoff {
    /// The time to wait now, in seconds; the next one is twice as long.
    pub(super) fn take(&mut self) -> u64 {
        let now = self.next.max(self.retry);
        self.next = (self.next * 2).min(LONGEST);
        now
    }

    /// Its stream was of use.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Its stream has lived for so many seconds, which is as good as an event if these are many.
    pub(super) fn lived(&mut self, seconds: u64) {
        if seconds >= LONGEST {
            self.reset();
        }
    }

    /// It wants to be left alone for so many milliseconds (WHATWG HTML, section 9.2, `retry`).
    pub(super) fn ask(&mut self, milliseconds: u64) {
        self.retry = Duration::from_millis(milliseconds.saturating_add(999)).as_secs();
        self.retry = self.retry.min(LONGEST_RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_its_time_has_passed_or_the_clock_was_set_back() {
        let wait = Wait::new(100, 15);
        assert_eq!([100, 101, 114, 115, 1000, 99].map(|now| wait.left(now)), [15, 14, 1, 0, 0, 0]);
    }

    #[test]
    fn the_time_doubles_until_the_upstream_is_of_use() {
        let mut backoff = Backoff::default();
        assert_eq!([(); 7].map(|()| backoff.take()), [1, 2, 4, 8, 16, 30, 30]);
        backoff.lived(29);
        assert_eq!(backoff.take(), 30);
        backoff.lived(30);
        assert_eq!([backoff.take(), backoff.take()], [1, 2]);
        backoff.ask(2500);
        backoff.reset();
        assert_eq!([(); 4].map(|()| backoff.take()), [3, 3, 4, 8]);
        backoff.ask(u64::MAX);
        assert_eq!(backoff.take(), LONGEST_RETRY);
    }
}
