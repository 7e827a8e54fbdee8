//! Sessions that a worker keeps at upstreams of the handshake era, on behalf of clients that have none.
//!
//! Each serves one request at a time. Stateless clients number their requests as they like, so two requests in
//! one session could get each other's answers. The pool is bounded in number (`session.pool`, beyond what is in
//! use) and in idle time (`session.idle`). A session that nobody uses any more is ended at its upstream.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::exchange::upstream_request::ClientHeaders;
use crate::gateway::UpstreamId;
use crate::peer::Peer;

/// How many sessions end at a time.
const AT_ONCE: usize = 32;

/// How many that are not used any more wait to be ended. Of one beyond that its upstream is not told.
const UNUSED: usize = 1024;

/// How long instructions may be that are kept with a session, in bytes.
const INSTRUCTIONS: usize = 16 * 1024;

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
    /// What the upstream said when it was opened to those who use it.
    pub(crate) instructions: Option<Rc<str>>,
    /// The headers with which it was opened; they may hold credentials.
    pub(crate) headers: ClientHeaders,
}

/// A session that serves a request.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Where it is.
    pub(crate) upstream: UpstreamId,
    /// What was agreed there.
    pub(crate) peer: Peer,
    /// What the upstream said then to those who use it.
    pub(crate) instructions: Option<Rc<str>>,
}

/// A session that is not kept any longer.
pub(crate) type Dropped = Opened;

/// Holds a session for an exchange, as long as it lives.
pub(crate) type Lease = Rc<()>;

#[derive(Debug)]
struct Pooled {
    peer: Peer,
    instructions: Option<Rc<str>>,
    headers: ClientHeaders,
    /// When it was taken last, in seconds since the epoch.
    used: u64,
    lease: Lease,
}

impl Pooled {
    fn is_free(&self) -> bool {
        Rc::strong_count(&self.lease) == 1
    }

    const fn is_idle(&self, now: u64, idle: u64) -> bool {
        now.saturating_sub(self.used) >= idle
    }
}

/// The sessions of one worker.
#[derive(Debug, Default)]
pub(crate) struct SessionPool {
    sessions: BTreeMap<(CallerKey, UpstreamId), Vec<Pooled>>,
    /// How many there are.
    count: usize,
    /// Those that were taken for the event that is being handled.
    leases: Vec<Lease>,
    /// Those that are to be ended.
    unused: Vec<Dropped>,
    /// Whether it has something to do that it had not before.
    news: bool,
}

impl SessionPool {
    /// Takes a free session of a caller at each upstream that has one which was not idle for `idle` seconds: that
    /// is about to be dropped. `now` is in seconds since the epoch.
    pub(crate) fn take(&mut self, caller: CallerKey, now: u64, idle: u64) -> Vec<Taken> {
        let Self { sessions, leases, .. } = self;
        let from = (caller, UpstreamId::FIRST);
        let of_caller = sessions.range_mut(from..).take_while(|((key, _), _)| *key == caller);
        let taken = of_caller.filter_map(|((_, upstream), pooled)| {
            let pooled = pooled.iter_mut().find(|it| it.is_free() && !it.is_idle(now, idle))?;
            pooled.used = now;
            leases.push(Rc::clone(&pooled.lease));
            let (peer, instructions) = (pooled.peer.clone(), pooled.instructions.clone());
            Some(Taken { upstream: *upstream, peer, instructions })
        });
        taken.collect()
    }

    /// What was taken since this was asked last.
    pub(crate) fn take_leases(&mut self) -> Vec<Lease> {
        std::mem::take(&mut self.leases)
    }

    /// Keeps a session, which is in use. If there are more than `limit` then, one that is free has to go: the one
    /// that was idle for longest.
    pub(crate) fn keep(&mut self, caller: CallerKey, opened: Opened, now: u64, limit: usize) {
        let Opened { upstream, peer, instructions, headers } = opened;
        let instructions = instructions.filter(|text| text.len() <= INSTRUCTIONS);
        let lease = Lease::default();
        self.leases.push(Rc::clone(&lease));
        let pooled = Pooled { peer, instructions, headers, used: now, lease };
        self.sessions.entry((caller, upstream)).or_default().push(pooled);
        self.news |= self.count == 0;
        self.count += 1;
        if self.count <= limit {
            return;
        }
        let free = self.sessions.iter().flat_map(|(key, all)| {
            all.iter().filter(|it| it.is_free()).map(move |it| (it.used, *key))
        });
        if let Some((used, key)) = free.min() {
            let dropped = self.remove(key, |it| it.is_free() && it.used == used);
            for it in dropped {
                self.discard(it);
            }
        }
    }

    /// Has a session ended soon that is not used any more, if there is one.
    pub(crate) fn discard(&mut self, dropped: Dropped) {
        if dropped.peer.session.is_some() && self.unused.len() < UNUSED {
            self.unused.push(dropped);
            self.news = true;
        }
    }

    /// Whether there is more to do than when this was asked last: [`Self::take_unused`] should be called soon.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether there is nothing that has to end some time.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.unused.is_empty()
    }

    /// Forgets a session that its upstream has lost.
    pub(crate) fn forget(&mut self, caller: CallerKey, upstream: UpstreamId, id: Option<&str>) {
        self.remove((caller, upstream), |it| it.peer.session.as_deref() == id);
    }

    /// Sessions that have to end now, a few at a time: those that are not used any more, and those that have been
    /// idle for `idle` seconds at `now`.
    pub(crate) fn take_unused(&mut self, now: u64, idle: u64) -> Vec<Dropped> {
        let over = |it: &Pooled| it.is_free() && it.is_idle(now, idle);
        let keys = self.sessions.iter().filter(|(_, all)| all.iter().any(over));
        let keys: Vec<_> = keys.map(|(key, _)| *key).take(AT_ONCE).collect();
        for key in keys {
            for it in self.remove(key, over) {
                self.discard(it);
            }
        }
        self.unused.drain(..self.unused.len().min(AT_ONCE)).collect()
    }

    /// Takes out those sessions of a caller at an upstream that `goes` says.
    fn remove(
        &mut self,
        key: (CallerKey, UpstreamId),
        goes: impl Fn(&Pooled) -> bool,
    ) -> Vec<Dropped> {
        let Some(all) = self.sessions.get_mut(&key) else { return Vec::new() };
        let (gone, kept): (Vec<_>, Vec<_>) = all.drain(..).partition(|it| goes(it));
        self.count -= gone.len();
        if kept.is_empty() {
            self.sessions.remove(&key);
        } else {
            *all = kept;
        }
        let dropped = |Pooled { peer, instructions, headers, .. }| Dropped {
            upstream: key.1,
            peer,
            instructions,
            headers,
        };
        gone.into_iter().map(dropped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;

    const A: CallerKey = CallerKey([1; 16]);
    const B: CallerKey = CallerKey([2; 16]);
    const IDLE: u64 = 5;

    fn opened(upstream: usize, session: &str) -> Opened {
        let peer = Peer {
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            session: Some(session.to_owned()),
            init_fingerprint: None,
        };
        let (upstream, headers) = (UpstreamId::at(upstream), ClientHeaders::default());
        Opened { upstream, peer, instructions: None, headers }
    }

    fn taken(pool: &mut SessionPool, caller: CallerKey, now: u64) -> (Vec<String>, Vec<Lease>) {
        let taken = pool.take(caller, now, IDLE);
        (taken.into_iter().filter_map(|it| it.peer.session).collect(), pool.take_leases())
    }

    fn names(dropped: impl IntoIterator<Item = Dropped>) -> Vec<String> {
        dropped.into_iter().filter_map(|it| it.peer.session).collect()
    }

    /// With these sessions, none of which is in use.
    fn pool(sessions: &[(CallerKey, usize, &str, u64)]) -> SessionPool {
        let mut pool = SessionPool::default();
        for (caller, upstream, id, now) in sessions {
            pool.keep(*caller, opened(*upstream, id), *now, 9);
            pool.take_leases();
        }
        pool
    }

    #[test]
    fn each_caller_has_its_own_and_each_request_has_one_alone() {
        let mut pool = pool(&[(A, 1, "a1", 0), (B, 0, "b0", 0), (A, 0, "a0", 0), (A, 0, "a0b", 0)]);
        let (first, lease) = taken(&mut pool, A, 1);
        assert_eq!(first, ["a0", "a1"]);
        let (second, _) = taken(&mut pool, A, 1);
        assert_eq!(second, ["a0b"], "the others are in use");
        assert_eq!(taken(&mut pool, B, 1).0, ["b0"]);
        drop(lease);
        assert_eq!(taken(&mut pool, A, 1).0, ["a0", "a1"]);
        pool.forget(A, UpstreamId::at(0), Some("a0"));
        assert_eq!(taken(&mut pool, A, 1).0, ["a0b", "a1"]);
    }

    #[test]
    fn the_one_that_was_idle_for_longest_goes_first_and_none_that_is_in_use() {
        let mut pool = pool(&[(A, 0, "a0", 1), (B, 0, "b0", 2)]);
        let (_, lease) = taken(&mut pool, A, 1);
        pool.keep(B, opened(1, "b1"), 4, 2);
        assert_eq!(names(pool.take_unused(4, 99)), ["b0"]);
        pool.keep(B, opened(2, "b2"), 4, 2);
        assert_eq!(names(pool.take_unused(4, 99)), [""; 0], "all are in use");
        drop(lease);
        pool.keep(B, opened(3, "b3"), 4, 2);
        assert_eq!(names(pool.take_unused(4, 99)), ["a0"]);
    }

    #[test]
    fn idle_ones_are_dropped_once() {
        let mut pool = pool(&[(A, 0, "a0", 10), (B, 0, "b0", 12), (A, 1, "a1", 10)]);
        assert!(pool.take_news() && !pool.take_news());
        assert_eq!(names(pool.take_unused(14, 5)), [""; 0]);
        let (_, lease) = taken(&mut pool, B, 12);
        assert_eq!(taken(&mut pool, A, 15).0, [""; 0], "they are about to go");
        assert_eq!(names(pool.take_unused(15, 5)), ["a0", "a1"]);
        assert_eq!(names(pool.take_unused(99, 5)), [""; 0], "it is in use");
        drop(lease);
        assert!(!pool.is_empty());
        assert_eq!(names(pool.take_unused(100, 5)), ["b0"]);
        assert!(pool.is_empty());
    }

    #[test]
    fn those_that_are_not_used_are_ended_a_few_at_a_time_and_bounded() {
        let mut pool = SessionPool::default();
        for number in 0..UNUSED + 5 {
            pool.discard(opened(0, &number.to_string()));
        }
        assert!(pool.take_news());
        let mut ended = 0;
        while !pool.is_empty() {
            let some = pool.take_unused(0, 5).len();
            assert!((1..=AT_ONCE).contains(&some));
            ended += some;
        }
        assert_eq!(ended, UNUSED);
    }
}
