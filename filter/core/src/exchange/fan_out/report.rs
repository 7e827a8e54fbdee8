//! What the operator is told of the names in a list.

use std::collections::BTreeMap;

use crate::catalog::Page;
use crate::effect::{Counter, Effect};
use crate::exchange::Context;
use crate::gateway::UpstreamId;

/// Names that were left out or that some clients will refuse: each is counted, and warned of once.
pub(crate) fn report(
    cx: &mut Context<'_>,
    pages: &[(UpstreamId, Page)],
    conflicts: &[(UpstreamId, String)],
) -> Vec<Effect> {
    let gateway = cx.gateway;
    let mut effects = Vec::new();
    let mut warn = |line: String| cx.memory.is_news(&line).then_some(Effect::Warn(line));
    for (upstream, page) in pages {
        let upstream = *upstream;
        if page.dropped > 0 {
            effects.push(Effect::Count(Counter::ItemDropped { upstream }, page.dropped));
        }
        if !page.odd.is_empty() {
            effects.push(Effect::Count(Counter::OddName { upstream }, page.odd.len() as u64));
        }
        if page.repeats {
            effects.extend(warn(format!(
                "upstream {}: a list leads to a cursor, or again and again to items, that were there before; \
                 the list ends there",
                gateway.name(upstream)
            )));
        }
        for odd in &page.odd {
            effects.extend(warn(format!(
                "the name {odd:?} of upstream {}: some clients take only 64 characters of \
                 A-Za-z0-9_.-; tools.rename gives it another",
                gateway.name(upstream)
            )));
        }
    }
    let mut lost = BTreeMap::new();
    for (upstream, _) in conflicts {
        *lost.entry(*upstream).or_default() += 1;
    }
    let lost = lost.into_iter();
    effects
        .extend(lost.map(|(upstream, by)| Effect::Count(Counter::NameConflict { upstream }, by)));
    for (upstream, own) in conflicts {
        effects.extend(warn(format!(
            "the name {own:?} of upstream {} is another upstream's already: left out",
            gateway.name(*upstream)
        )));
    }
    effects
}
