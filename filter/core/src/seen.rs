//! What the status page shows: how upstreams and their tools have done lately, and what befell sessions, streams and
//! lists.
//!
//! It is taken from what the operator is told of requests ([`Effect`]), and belongs to no configuration: a new one goes
//! on with the numbers of the one before. An upstream is known by its name and its cluster, for as long as a
//! configuration has it. All of it is bounded.

mod upstream;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::effect::{Counter, Effect, Served, SessionEvent, StreamKind};
use crate::gateway::{Gateway, PerUpstream, UpstreamId};
use crate::guarded::Guarded;

pub(crate) use upstream::{Recent, TOOLS, UpstreamSeen};

/// A name and a cluster.
type Key = (String, String);

/// What is shown, for all configurations that share it.
#[derive(Debug, Default)]
pub struct Seen {
    upstreams: Guarded<BTreeMap<Key, Weak<Guarded<UpstreamSeen>>>>,
    pub(crate) counts: Counts,
}

/// What befell sessions, streams and lists.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) opened: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) recovered: AtomicU64,
    /// Event streams that are open.
    pub(crate) answers: AtomicI64,
    pub(crate) listening: AtomicI64,
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) shared: AtomicU64,
}

impl Seen {
    /// What was seen of an upstream, from now on or before.
    fn upstream(&self, key: Key) -> Arc<Guarded<UpstreamSeen>> {
        self.upstreams.with(|all| {
            all.retain(|_, it| it.strong_count() > 0);
            let known = all.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let new = Arc::<Guarded<UpstreamSeen>>::default();
                all.insert(key, Arc::downgrade(&new));
                new
            })
        })
    }
}

/// What a configuration has of it.
#[derive(Debug, Default)]
pub(crate) struct View {
    seen: Arc<Seen>,
    upstreams: Option<PerUpstream<Arc<Guarded<UpstreamSeen>>>>,
}

impl View {
    pub(crate) fn new(gateway: &Gateway, seen: Arc<Seen>) -> Self {
        let upstream = |(_, it): (_, &crate::gateway::Upstream)| {
            seen.upstream((it.name.clone(), it.cluster.clone()))
        };
        let upstreams = Some(gateway.upstreams.map(upstream));
        Self { seen, upstreams }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.seen.counts
    }

    /// Uses what was seen of an upstream.
    pub(crate) fn with<R>(
        &self,
        upstream: UpstreamId,
        act: impl FnOnce(&mut UpstreamSeen) -> R,
    ) -> Option<R> {
        Some(self.upstreams.as_ref()?.get(upstream)?.with(act))
    }

    /// Takes note of what the operator is told; `clock` is the host's.
    pub(crate) fn note(&self, effect: &Effect, clock: impl FnOnce() -> u64) {
        let counts = self.counts();
        let one_more = |count: &AtomicU64| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        match effect {
            Effect::Operation(operation) => {
                if let (Some(upstream), Some(took)) = (operation.upstream, operation.upstream_took)
                {
                    let (ending, at) = (operation.ending, clock());
                    let tool = operation.name.as_deref().filter(|_| operation.is_tool);
                    self.with(upstream, |it| it.answered(tool, ending, took, at));
                }
            }
            Effect::Answered(answered) => {
                let at = clock();
                self.with(answered.upstream, |it| {
                    it.answered(None, answered.ending, answered.took, at);
                });
            }
            Effect::Fault { upstream, what, .. } => {
                let at = clock();
                self.with(*upstream, |it| it.failed(what, at));
            }
            Effect::Stream(kind, has_begun) => {
                let count = match kind {
                    StreamKind::Answer => &counts.answers,
                    StreamKind::Listen => &counts.listening,
                };
                count.fetch_add(if *has_begun { 1 } else { -1 }, Ordering::Relaxed);
            }
            Effect::Count(Counter::Session(event), _) => one_more(match event {
                SessionEvent::Opened => &counts.opened,
                SessionEvent::Ended => &counts.ended,
                SessionEvent::Refused => &counts.refused,
            }),
            Effect::Count(Counter::SessionRecovered { .. }, _) => one_more(&counts.recovered),
            Effect::Count(Counter::Catalog(source), _) => one_more(match source {
                Served::Hit => &counts.hits,
                Served::Miss => &counts.misses,
                Served::Shared => &counts.shared,
            }),
            Effect::Count(
                Counter::ItemDropped { upstream } | Counter::NameConflict { upstream },
                by,
            ) => {
                self.with(*upstream, |it| it.left_out(*by));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Ending;
    use crate::fixture::gateway;

    #[test]
    fn a_new_configuration_goes_on_with_what_was_seen_and_forgets_who_left() {
        let seen = Arc::new(Seen::default());
        let first = gateway(r#"{"upstreams": [{"name": "a"}, {"name": "b"}]}"#);
        let before = View::new(&first, seen.clone());
        for upstream in first.upstreams.ids() {
            before.with(upstream, |it| it.answered(None, Ending::Ok, 7, 1));
        }
        let second = gateway(r#"{"upstreams": [{"name": "b", "cluster": "c"}, {"name": "a"}]}"#);
        let after = View::new(&second, seen.clone());
        drop(before);
        let answers = |name: &[u8]| {
            let upstream = second.upstreams.find(name).unwrap();
            after.with(upstream, |it| it.recent.count())
        };
        assert_eq!((answers(b"a"), answers(b"b")), (Some(1), Some(0)), "another cluster");
        drop(after);
        drop(View::new(&second, seen.clone()));
        assert!(seen.upstreams.with(|all| all.len() <= 2));
    }
}
