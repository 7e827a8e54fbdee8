//! Sessions that a worker keeps at upstreams of the handshake era on behalf of clients that have none:
//! one for each caller and upstream.
//!
//! Bounded in number (`session.pool`) and in idle time (`session.idle`). Whoever takes one out has to end
//! it at its upstream.

use std::collections::BTreeMap;

use crate::exchange::upstream_request::ClientHeaders;
use crate::gateway::UpstreamId;
use crate::peer::Peer;

/// Tells callers from each other: a digest of all that upstreams are shown of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallerKey(pub(crate) [u8; 16]);

/// A session that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Where it is.
    pub(crate) upstream: UpstreamId,
    /// What was agreed there.
    pub(crate) peer: Peer,
    /// The headers with which it was opened; they may hold credentials.
    pub(crate) headers: ClientHeaders,
}

/// A session that is not kept any longer.
pub(crate) type Dropped = Opened;

#[derive(Debug)]
struct Pooled {
    peer: Peer,
    headers: ClientHeaders,
    /// When it was used last, in seconds since the epoch.
    used: u64,
}

/// The sessions of one worker.
#[derive(Debug, Default)]
pub(crate) struct SessionPool {
    sessions: BTreeMap<(CallerKey, UpstreamId), Pooled>,
    /// The second at which idle ones were looked for last.
    swept: u64,
}

impl SessionPool {
    /// The sessions of a caller, which are used now; `now` is in seconds since the epoch.
    pub(crate) fn of_caller(
        &mut self,
        caller: CallerKey,
        now: u64,
    ) -> impl Iterator<Item = (UpstreamId, &Peer)> {
        let from = (caller, UpstreamId::FIRST);
        let entries =
            self.sessions.range_mut(from..).take_while(move |((key, _), _)| *key == caller);
        entries.map(move |((_, upstream), pooled)| {
            pooled.used = now;
            (*upstream, &pooled.peer)
        })
    }

    /// Whether this session is kept.
    #[must_use]
    pub(crate) fn find(&self, caller: CallerKey, upstream: UpstreamId) -> Option<&Peer> {
        self.sessions.get(&(caller, upstream)).map(|pooled| &pooled.peer)
    }

    /// Keeps a session, in place of the one that the caller had there. If there are more than `limit`,
    /// the one that was idle for longest is dropped.
    pub(crate) fn keep(
        &mut self,
        caller: CallerKey,
        opened: Opened,
        now: u64,
        limit: usize,
    ) -> Option<Dropped> {
        let Opened { upstream, peer, headers } = opened;
        self.sessions.insert((caller, upstream), Pooled { peer, headers, used: now });
        if self.sessions.len() <= limit {
            return None;
        }
        let idle =
            self.sessions.iter().min_by_key(|(_, pooled)| pooled.used).map(|(key, _)| *key)?;
        self.take(idle)
    }

    /// Drops what has been idle for `idle` seconds at `now`.
    pub(crate) fn drop_idle(&mut self, now: u64, idle: u64) -> Vec<Dropped> {
        if self.sessions.is_empty() || self.swept == now {
            return Vec::new();
        }
        self.swept = now;
        let over = |pooled: &Pooled| now.saturating_sub(pooled.used) >= idle;
        let keys: Vec<_> =
            self.sessions.iter().filter(|(_, pooled)| over(pooled)).map(|(key, _)| *key).collect();
        keys.into_iter().filter_map(|key| self.take(key)).collect()
    }

    fn take(&mut self, key: (CallerKey, UpstreamId)) -> Option<Dropped> {
        let Pooled { peer, headers, .. } = self.sessions.remove(&key)?;
        Some(Dropped { upstream: key.1, peer, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;

    const A: CallerKey = CallerKey([1; 16]);
    const B: CallerKey = CallerKey([2; 16]);

    fn opened(upstream: usize, session: &str) -> Opened {
        let peer = Peer {
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            session: Some(session.to_owned()),
            init_fingerprint: None,
        };
        Opened { upstream: UpstreamId::at(upstream), peer, headers: ClientHeaders::default() }
    }

    fn ids(pool: &mut SessionPool, caller: CallerKey, now: u64) -> Vec<String> {
        pool.of_caller(caller, now).filter_map(|(_, peer)| peer.session.clone()).collect()
    }

    fn names(dropped: impl IntoIterator<Item = Dropped>) -> Vec<String> {
        dropped.into_iter().filter_map(|it| it.peer.session).collect()
    }

    #[test]
    fn each_caller_has_its_own() {
        let mut pool = SessionPool::default();
        for (caller, upstream, id) in [(A, 1, "a1"), (B, 0, "b0"), (A, 0, "a0"), (B, 1, "b1")] {
            assert!(pool.keep(caller, opened(upstream, id), 0, 9).is_none());
        }
        assert_eq!(ids(&mut pool, A, 1), ["a0", "a1"]);
        assert_eq!(ids(&mut pool, B, 1), ["b0", "b1"]);
        assert_eq!(ids(&mut pool, CallerKey([3; 16]), 1), [""; 0]);
    }

    #[test]
    fn the_one_that_was_idle_for_longest_goes_first() {
        let mut pool = SessionPool::default();
        pool.keep(A, opened(0, "a0"), 1, 2);
        pool.keep(B, opened(0, "b0"), 2, 2);
        assert_eq!(ids(&mut pool, A, 3), ["a0"]);
        assert_eq!(names(pool.keep(B, opened(1, "b1"), 4, 2)), ["b0"]);
        assert_eq!(ids(&mut pool, B, 4), ["b1"]);
    }

    #[test]
    fn idle_ones_are_dropped_once() {
        let mut pool = SessionPool::default();
        pool.keep(A, opened(0, "a0"), 10, 9);
        pool.keep(B, opened(0, "b0"), 12, 9);
        assert_eq!(names(pool.drop_idle(14, 5)), [""; 0]);
        assert_eq!(names(pool.drop_idle(15, 5)), ["a0"]);
        assert_eq!(names(pool.drop_idle(16, 5)), [""; 0]);
        assert_eq!(ids(&mut pool, B, 16), ["b0"]);
    }
}
