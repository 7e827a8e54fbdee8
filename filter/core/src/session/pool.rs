//! Sessions that are kept at upstreams of the handshake era, on behalf of clients that have none.
//!
//! Each serves one request at a time. Stateless clients number their requests as they like, so two requests in
//! one session could get each other's answers. The pool is bounded in number (`session.pool`, beyond what is in
//! use) and in idle time (`session.idle`). A session that nobody uses any more is ended at its upstream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exchange::client_headers::ClientHeaders;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::mcp::log_level::LogLevel;
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
    /// From which level on the upstream was told to log, if it was.
    pub(crate) level: Option<LogLevel>,
    /// What the upstream said when it was opened to those who use it.
    pub(crate) instructions: Option<Arc<str>>,
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
    pub(crate) instructions: Option<Arc<str>>,
    /// What the exchange holds as long as the session serves it.
    pub(crate) lease: Lease,
}

/// A session that is not kept any longer.
pub(crate) type Dropped = Opened;

/// Holds a session for an exchange, as long as it lives, on whichever thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lease(Arc<AtomicBool>);

impl Lease {
    /// Has the session end once nothing holds it: it serves no other request. Its upstream may still work on one that
    /// was given up, and hear of that when the next one, of another client, has the same id.
    pub(crate) fn retire(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_retired(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether there is more to do than before: [`SessionPool::take_unused`] should be called soon.
pub(crate) type IsNews = bool;

#[derive(Debug)]
struct Pooled {
    peer: Peer,
    level: Option<LogLevel>,
    instructions: Option<Arc<str>>,
    headers: ClientHeaders,
    /// When it was taken last, in seconds since the epoch.
    used: u64,
    lease: Lease,
}

impl Pooled {
    fn is_free(&self) -> bool {
        // Only the pool makes others, and it is locked.
        Arc::strong_count(&self.lease.0) == 1
    }

    /// Whether what its upstream logs is as it is wanted: those who want nothing are given nothing of it.
    fn serves(&self, level: Option<LogLevel>) -> bool {
        let logs = self.peer.capabilities.contains(Capabilities::LOGGING);
        !logs || level.is_none() || level == self.level
    }

    /// Whether it has to end, once it is free.
    fn is_over(&self, now: u64, idle: u64) -> bool {
        now.saturating_sub(self.used) >= idle || self.lease.is_retired()
    }
}

/// The sessions of one configuration.
#[derive(Debug, Default)]
pub(crate) struct SessionPool {
    sessions: BTreeMap<(CallerKey, UpstreamId), Vec<Pooled>>,
    /// How many there are.
    count: usize,
    /// Those that are to be ended.
    unused: Vec<Dropped>,
}

impl SessionPool {
    /// Takes a free session of a caller, who wants log messages from a level on, at each upstream that has one which
    /// was not idle for `idle` seconds: that is about to be dropped. `now` is in seconds since the epoch.
    pub(crate) fn take(
        &mut self,
        (caller, level): (CallerKey, Option<LogLevel>),
        now: u64,
        idle: u64,
    ) -> Vec<Taken> {
        let from = (caller, UpstreamId::FIRST);
        let of_caller = self.sessions.range_mut(from..).take_while(|((key, _), _)| *key == caller);
        let taken = of_caller.filter_map(|((_, upstream), pooled)| {
            let pooled = pooled
                .iter_mut()
                .find(|it| it.is_free() && !it.is_over(now, idle) && it.serves(level))?;
            pooled.used = now;
            let (peer, instructions) = (pooled.peer.clone(), pooled.instructions.clone());
            Some(Taken { upstream: *upstream, peer, instructions, lease: pooled.lease.clone() })
        });
        taken.collect()
    }

    /// Keeps a session, which is in use; what holds it, and whether the pool has something to do that it had not
    /// before. If there are more than `limit` then, one that is free has to go: the one that was idle for longest.
    pub(crate) fn keep(
        &mut self,
        caller: CallerKey,
        opened: Opened,
        now: u64,
        limit: usize,
    ) -> (Lease, IsNews) {
        let Opened { upstream, peer, level, instructions, headers } = opened;
        let instructions = instructions.filter(|text| text.len() <= INSTRUCTIONS);
        let lease = Lease::default();
        let held = lease.clone();
        let pooled = Pooled { peer, level, instructions, headers, used: now, lease };
        self.sessions.entry((caller, upstream)).or_default().push(pooled);
        let mut is_news = self.count == 0;
        self.count += 1;
        if self.count <= limit {
            return (held, is_news);
        }
        let free = self.sessions.iter().flat_map(|(key, all)| {
            all.iter().filter(|it| it.is_free()).map(move |it| (it.used, *key))
        });
        if let Some((used, key)) = free.min() {
            let dropped = self.remove(key, |it| it.is_free() && it.used == used);
            for it in dropped {
                is_news |= self.discard(it);
            }
        }
        (held, is_news)
    }

    /// What holds a session of a caller beyond the exchange that it serves.
    pub(crate) fn hold(
        &self,
        caller: CallerKey,
        upstream: UpstreamId,
        id: Option<&str>,
    ) -> Option<Lease> {
        let mut all = self.sessions.get(&(caller, upstream))?.iter();
        let held = all.find(|it| it.peer.session.as_deref() == id && !it.is_free())?;
        Some(held.lease.clone())
    }

    /// Has a session ended soon that is not used any more, if there is one.
    pub(crate) fn discard(&mut self, dropped: Dropped) -> IsNews {
        let is_news = dropped.peer.session.is_some() && self.unused.len() < UNUSED;
        if is_news {
            self.unused.push(dropped);
        }
        is_news
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
    /// idle for `idle` seconds at `now`, or are retired.
    pub(crate) fn take_unused(&mut self, now: u64, idle: u64) -> Vec<Dropped> {
        let over = |it: &Pooled| it.is_free() && it.is_over(now, idle);
        let keys = self.sessions.iter().filter(|(_, all)| all.iter().any(over));
        let keys: Vec<_> = keys.map(|(key, _)| *key).take(AT_ONCE).collect();
        for key in keys {
            for it in self.remove(key, over) {
                self.discard(it);
            }
        }
        self.unused.drain(..self.unused.len().min(AT_ONCE)).collect()
    }

    /// All of them end, whether they serve anything or not.
    pub(crate) fn take_all(&mut self) -> Vec<Dropped> {
        let keys: Vec<_> = self.sessions.keys().copied().collect();
        let mut all = std::mem::take(&mut self.unused);
        for key in keys {
            all.extend(self.remove(key, |_| true));
        }
        all
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
        let dropped = |Pooled { peer, level, instructions, headers, .. }| Dropped {
            upstream: key.1,
            peer,
            level,
            instructions,
            headers,
        };
        gone.into_iter().map(dropped).collect()
    }
}

#[cfg(test)]
mod tests;
