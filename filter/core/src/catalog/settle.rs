//! Names that depend on what the other upstreams have (`naming.prefix: on_conflict` and `never`),
//! settled once all have answered.

use std::collections::{BTreeMap, BTreeSet};

use super::items::Items;
use super::{Open, Page};
use crate::gateway::{Gateway, Naming, UpstreamId};
use crate::json::{Edits, Scan};
use crate::mcp::method::Kind;
use crate::mcp::name;
use crate::memory::names::Names;

/// What was settled besides the pages.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Whose each name is.
    pub names: Names,
    /// Items that lost their name to an upstream before them: the upstream and its own name.
    pub conflicts: Vec<(UpstreamId, String)>,
}

/// Gives every item of the pages, which are in configured order, its name for clients.
pub(crate) fn settle(gateway: &Gateway, kind: Kind, pages: &mut [(UpstreamId, Page)]) -> Settled {
    let shared = shared(gateway, pages);
    let mut settled = Settled::default();
    // Conflicting names with their prefix; one of them may be another's name as it is.
    let mut aliases = Names::new();
    for (index, page) in pages {
        let prefix = gateway.upstream(*index).joined_prefix.as_str();
        let open = std::mem::take(&mut page.open);
        if !open.is_empty() {
            page.items = Items::default();
        }
        for open in open {
            let prefix_now = if shared.contains(&open.shown) { prefix } else { "" };
            let shown = format!("{prefix_now}{}", open.shown);
            let known = settled.names.get(&shown).map(|(owner, _)| *owner);
            if known.is_some_and(|owner| owner != *index) {
                settled.conflicts.push((*index, name::short(&open.own)));
                continue;
            }
            if kind == Kind::Tool {
                page.note_name("", &shown);
            }
            page.items.push(&shown, |items| write(items, prefix_now, &open));
            if gateway.naming == Naming::OnConflict {
                aliases.insert(format!("{prefix}{}", open.shown), (*index, open.own.clone()));
            }
            settled.names.insert(shown, (*index, open.own));
        }
    }
    // A client may still use the name of a conflict that is over, or that was there before an
    // upstream failed.
    for (alias, owner) in aliases {
        settled.names.entry(alias).or_insert(owner);
    }
    settled
}

/// The names that several upstreams have and that get a prefix therefore.
fn shared(gateway: &Gateway, pages: &[(UpstreamId, Page)]) -> BTreeSet<String> {
    let mut owners: BTreeMap<&str, UpstreamId> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    if gateway.naming != Naming::OnConflict {
        return shared;
    }
    // A name that begins as another upstream's prefixed ones do would take the place of one of these.
    let imitates = |index: UpstreamId, name: &str| {
        let mut others = gateway.upstreams.iter().filter(|(other, _)| *other != index);
        others.any(|(_, it)| !it.joined_prefix.is_empty() && name.starts_with(&it.joined_prefix))
    };
    for (index, page) in pages {
        for open in &page.open {
            let owner = *owners.entry(&open.shown).or_insert(*index);
            if owner != *index || imitates(*index, &open.shown) {
                shared.insert(open.shown.clone());
            }
        }
    }
    shared
}

fn write(items: &mut Vec<u8>, prefix: &str, open: &Open) {
    let mut edits = Edits::of(&open.item);
    let text = std::str::from_utf8(&open.item).unwrap_or_default();
    if !prefix.is_empty()
        && let Ok(Some([Some(name)])) = Scan::whole(text, |scan| scan.pick(["name"]))
    {
        edits.replace(name.get(), name::join(prefix, name.get()));
    }
    edits.write(items);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Reading;
    use crate::fixture;
    use crate::gateway::rules::Rights;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::method::{Target, row_of};

    fn item(name: &str) -> String {
        format!(r#"{{"x":1e2,"name":"{name}","inputSchema":{{"type":"object"}}}}"#)
    }

    fn settled(naming: &str, lists: &[&[&str]]) -> (Vec<String>, Settled) {
        let upstreams = ["a", "b", "c"].map(|name| format!(r#"{{"name":"{name}"}}"#)).join(",");
        let gateway = fixture::gateway(&format!(
            r#"{{"upstreams":[{upstreams}],"naming":{{"prefix":"{naming}"}}}}"#
        ));
        let Some(Target::List(listing)) = row_of("tools/list").map(|row| row.target) else {
            panic!("a list");
        };
        let read = |(index, names): (usize, &&[&str])| {
            let items = names.iter().map(|name| item(name));
            let result = format!(r#"{{"tools":[{}]}}"#, items.collect::<Vec<_>>().join(","));
            let (upstream, capabilities) = (UpstreamId::at(index), Capabilities::TOOLS);
            let era = crate::era::Era::Handshake;
            let reading = Reading {
                gateway: &gateway,
                upstream,
                listing,
                rights: Rights::default(),
                capabilities,
                era,
            };
            let read = Scan::whole(&result, |scan| Page::read(reading, scan));
            (upstream, read.unwrap().unwrap())
        };
        let mut pages: Vec<_> = lists.iter().enumerate().map(read).collect();
        let settled = settle(&gateway, listing.kind, &mut pages);
        let items =
            pages.iter().map(|(_, page)| String::from_utf8(page.items.bytes().to_vec()).unwrap());
        (items.collect(), settled)
    }

    fn owner<'s>(settled: &'s Settled, name: &str) -> Option<(UpstreamId, &'s str)> {
        settled.names.get(name).map(|(owner, own)| (*owner, own.as_str()))
    }

    #[test]
    fn never_gives_a_name_to_the_first_who_has_it() {
        let (items, settled) = settled("never", &[&["x"], &["x", "y"], &["y", "z"]]);
        assert_eq!(items, [item("x"), item("y"), item("z")]);
        assert_eq!(
            settled.conflicts,
            [(UpstreamId::at(1), "x".to_owned()), (UpstreamId::at(2), "y".to_owned())]
        );
        assert_eq!(owner(&settled, "y"), Some((UpstreamId::at(1), "y")));
        assert_eq!(owner(&settled, "b__y"), None);
    }

    #[test]
    fn a_conflict_prefixes_every_side_of_it_and_no_other_name() {
        let (items, settled) = settled("on_conflict", &[&["x", "u"], &["x"], &["v", r"x\u0079"]]);
        assert_eq!(items[0], [item("a__x"), item("u")].join(","));
        assert_eq!(items[1], item("b__x"));
        assert_eq!(items[2], [item("v"), item(r"x\u0079")].join(","));
        assert_eq!(owner(&settled, "b__x"), Some((UpstreamId::at(1), "x")));
        assert_eq!(owner(&settled, "x"), None);
        assert_eq!(owner(&settled, "u"), Some((UpstreamId::at(0), "u")));
        // Of a conflict that may have been.
        assert_eq!(owner(&settled, "a__u"), Some((UpstreamId::at(0), "u")));
        assert_eq!(owner(&settled, "c__xy"), Some((UpstreamId::at(2), "xy")));
    }

    #[test]
    fn a_name_that_looks_like_anothers_prefixed_one_gets_a_prefix_of_its_own() {
        for lists in [[&["x"][..], &["x", "a__x"], &[]], [&["x", "b__x"], &["x"], &[]]] {
            let (_, settled) = settled("on_conflict", &lists);
            assert_eq!(settled.conflicts, []);
            assert_eq!(owner(&settled, "a__x"), Some((UpstreamId::at(0), "x")));
            assert_eq!(owner(&settled, "b__x"), Some((UpstreamId::at(1), "x")));
            let other = lists.iter().position(|names| names.len() == 2).unwrap();
            let (prefix, own) = [("a__", "b__x"), ("b__", "a__x")][other];
            assert_eq!(
                owner(&settled, &format!("{prefix}{own}")),
                Some((UpstreamId::at(other), own))
            );
        }
    }
}
