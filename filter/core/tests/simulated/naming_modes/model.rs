//! What is listed under which names, and whose they are, by the naive way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::world::{Chance, Kind, PROMPTS};

/// One upstream as the configuration and its server have it.
pub(super) struct Up {
    pub(super) name: &'static str,
    prefix: &'static str,
    renamed: BTreeMap<String, String>,
    denied: Option<&'static str>,
    pub(super) tools: Vec<String>,
    pub(super) prompts: Vec<String>,
}

pub(super) const WORDS: [&str; 9] = ["x", "y", "z", "u", "a__x", "b__y", "__", "", "é"];

pub(super) fn any_up(chance: &mut Chance, name: &'static str, prefix: &'static str) -> Up {
    let mut renamed = BTreeMap::new();
    for _ in 0..chance.below(3) {
        let (old, new) = (chance.pick(&WORDS), chance.pick(&["x", "y", "new", "a__x"]));
        if !old.is_empty() && old != new && !renamed.values().any(|it| it == new) {
            renamed.insert(old.to_owned(), new.to_owned());
        }
    }
    let names = |chance: &mut Chance| {
        (0..chance.below(6)).map(|_| chance.pick(&WORDS).to_owned()).collect::<Vec<_>>()
    };
    let denied = chance.one_in(3).then(|| chance.pick(&["y", "[xz]", "*"]));
    Up { name, prefix, renamed, denied, tools: names(chance), prompts: names(chance) }
}

impl Up {
    fn hides(&self, own: &str) -> bool {
        match self.denied {
            Some("[xz]") => ["x", "z"].contains(&own),
            Some("*") => true,
            Some(one) => one == own,
            None => false,
        }
    }

    /// What is listed, by the names without prefixes, and how many items are dropped.
    pub(super) fn shown(&self, kind: Kind) -> (Vec<(String, String)>, usize) {
        let (all, dropped) = self.all_shown(kind);
        // What is listed twice is there once.
        let mut known = BTreeSet::new();
        (all.into_iter().filter(|(_, own)| known.insert(own.clone())).collect(), dropped)
    }

    fn all_shown(&self, kind: Kind) -> (Vec<(String, String)>, usize) {
        if kind == PROMPTS {
            return (self.prompts.iter().map(|it| (it.clone(), it.clone())).collect(), 0);
        }
        let admitted: Vec<&String> = self.tools.iter().filter(|own| !self.hides(own)).collect();
        let taken = |own: &String| {
            !self.renamed.contains_key(own) && self.renamed.values().any(|new| new == own)
        };
        let dropped = admitted.iter().filter(|own| taken(own)).count();
        let shown = admitted.into_iter().filter(|own| !taken(own));
        let shown = shown.map(|own| (self.renamed.get(own).unwrap_or(own).clone(), own.clone()));
        (shown.collect(), dropped)
    }
}

/// What a gateway in this mode lists, whose each name is, and how many lost theirs, by upstream.
pub(super) struct Model {
    pub(super) listed: Vec<String>,
    pub(super) owners: BTreeMap<String, (usize, String)>,
    pub(super) conflicts: Vec<usize>,
}

pub(super) fn model(mode: &str, ups: &[Up], kind: Kind) -> Model {
    let lists: Vec<Vec<(String, String)>> = ups.iter().map(|up| up.shown(kind).0).collect();
    let holders =
        |name: &str| lists.iter().filter(|list| list.iter().any(|it| it.0 == name)).count();
    // What begins as another's prefixed names do.
    let imitates = |at: usize, name: &str| {
        let mut others = ups.iter().enumerate().filter(|(other, _)| *other != at);
        others.any(|(_, up)| !up.prefix.is_empty() && name.starts_with(&format!("{}__", up.prefix)))
    };
    let mut model =
        Model { listed: Vec::new(), owners: BTreeMap::new(), conflicts: vec![0; ups.len()] };
    let mut aliases = Vec::new();
    for (at, (up, list)) in ups.iter().zip(&lists).enumerate() {
        let joined = if up.prefix.is_empty() { String::new() } else { format!("{}__", up.prefix) };
        for (name, own) in list {
            let prefixed = mode == "on_conflict" && (holders(name) > 1 || imitates(at, name));
            let shown = if prefixed { format!("{joined}{name}") } else { name.clone() };
            if model.owners.get(&shown).is_some_and(|(owner, _)| *owner != at) {
                model.conflicts[at] += 1;
                continue;
            }
            model.listed.push(shown.clone());
            model.owners.insert(shown, (at, own.clone()));
            aliases.push((format!("{joined}{name}"), (at, own.clone())));
        }
    }
    if mode == "on_conflict" {
        for (alias, owner) in aliases {
            model.owners.entry(alias).or_insert(owner);
        }
    }
    model
}

pub(super) fn plan(mode: &str, ups: &[Up]) -> Value {
    let ups: Vec<Value> = ups
        .iter()
        .map(|up| {
            let mut tools = json!({ "rename": up.renamed });
            if let Some(glob) = up.denied {
                tools["deny"] = json!([glob]);
            }
            json!({"name": up.name, "prefix": up.prefix, "tools": tools})
        })
        .collect();
    json!({"upstreams": ups, "naming": {"prefix": mode}})
}
