//! What the operator is told of the names in a list.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Page;
use crate::effect::{Counter, Effect};
use crate::exchange::Context;
use crate::gateway::UpstreamId;
use crate::mcp::method::Kind;
use crate::mcp::name;

/// Names that were left out or that some clients will refuse: each is counted, and warned of once.
pub(crate) fn report(
    cx: &mut Context<'_>,
    kind: Kind,
    pages: &[(UpstreamId, Page)],
    conflicts: &[(UpstreamId, String)],
) -> Vec<Effect> {
    let gateway = cx.gateway;
    let what = kind.noun();
    let mut effects = Vec::new();
    let warn = |line: String| cx.memory.is_news(&line).then_some(Effect::Warn(line));
    for (upstream, page) in pages {
        let upstream = *upstream;
        if page.dropped > 0 {
            effects.push(Effect::Count(Counter::ItemDropped { upstream }, page.dropped));
        }
        if !page.odd.is_empty() {
            effects.push(Effect::Count(Counter::OddName { upstream }, page.odd.len() as u64));
        }
        let changed = page.pinned.iter().filter_map(|it| Some((&it.own, it.changed.as_ref()?)));
        for (own, found) in changed {
            effects.push(Effect::Count(Counter::ToolChanged { upstream }, 1));
            let tools = &gateway.upstream(upstream).tools;
            let what = match found {
                Ok(digest) => format!("its digest is {digest} now"),
                Err(error) => format!("it has no digest: {error}"),
            };
            let then = if tools.blocks_changed() { "it is blocked" } else { "it is served" };
            effects.extend(warn(format!(
                "the tool {:?} of upstream {} is not the one that was pinned: {what}; {then}; look at it, \
                 and pin it anew in tools.pin",
                name::short(own),
                gateway.name(upstream)
            )));
        }
        for it in &page.left_out {
            let item = it.name.as_ref().map_or_else(String::new, |name| format!(" {name:?}"));
            effects.extend(warn(format!(
                "the {what}{item} of upstream {} is left out: {}",
                gateway.name(upstream),
                it.reason
            )));
        }
        for twice in &page.twice {
            effects.extend(warn(format!(
                "upstream {} lists the {what} {twice:?} more than once: only the first is listed",
                gateway.name(upstream)
            )));
        }
        if page.repeats {
            effects.extend(warn(format!(
                "upstream {}: a list repeats a cursor, or its items again and again; it ends there",
                gateway.name(upstream)
            )));
        }
        for odd in &page.odd {
            effects.extend(warn(format!(
                "the name {odd:?} of upstream {}: some clients take only 64 characters of \
                 A-Za-z0-9_-; tools.rename gives it another",
                gateway.name(upstream)
            )));
        }
    }
    for (upstream, name, first) in look_alikes(pages) {
        effects.push(Effect::Count(Counter::OddName { upstream }, 1));
        effects.extend(warn(format!(
            "the name {name:?} of upstream {} looks like {first:?}: some clients take the two for one; \
             another prefix or tools.rename tells them apart",
            gateway.name(upstream)
        )));
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
            "the name {own:?} of upstream {} is taken by an upstream before it: left out",
            gateway.name(*upstream)
        )));
    }
    effects
}

/// Names that some clients take for one that comes before them: whose it is, the name, that other one.
fn look_alikes(pages: &[(UpstreamId, Page)]) -> Vec<(UpstreamId, String, String)> {
    let mut hashes: Vec<u64> = pages.iter().flat_map(|(_, page)| &page.folded).copied().collect();
    hashes.sort_unstable();
    let same = hashes.iter().zip(hashes.iter().skip(1)).filter(|(one, two)| one == two);
    let same: BTreeSet<u64> = same.map(|(hash, _)| *hash).collect();
    let mut alike = Vec::new();
    let mut firsts: BTreeMap<String, String> = BTreeMap::new();
    for (upstream, page) in pages.iter().filter(|_| !same.is_empty()) {
        for name in page.names_folded_to(&same) {
            match firsts.entry(name::folded("", &name)) {
                Entry::Occupied(first) => alike.push((*upstream, name, first.get().clone())),
                Entry::Vacant(none) => {
                    none.insert(name);
                }
            }
        }
    }
    alike
}
