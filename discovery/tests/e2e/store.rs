//! What the API server knows: objects as the changes that made them.

use serde_json::{Value, json};

/// A change: the object before it, and after.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) version: u64,
    pub(crate) changes: Vec<Change>,
    /// Watches from before this version are refused.
    pub(crate) oldest: u64,
    /// Watches that were opened before it was counted up are cut.
    pub(crate) cuts: u64,
    pub(crate) bookmarks: u64,
    pub(crate) events: Vec<Value>,
    pub(crate) refuses_events: bool,
    pub(crate) silent: &'static str,
    pub(crate) requests: Vec<String>,
}

impl State {
    /// Everything that is asked for.
    pub(crate) fn list(&self, filter: &Filter) -> Vec<Value> {
        let mut objects: Vec<Value> = Vec::new();
        for change in &self.changes {
            let key = change.after.as_ref().or(change.before.as_ref()).map(key);
            objects.retain(|it| Some(self::key(it)) != key);
            objects.extend(change.after.clone());
        }
        objects.retain(|it| filter.matches(it));
        objects
    }

    /// Puts an object in the place of the one of its name, or removes that.
    pub(crate) fn set(&mut self, mut object: Value, there: bool) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let kind = object["kind"].as_str().expect("a kind").to_owned();
        let all = Filter { kind, selector: String::new(), namespace: None };
        let before = self.list(&all).into_iter().find(|it| key(it) == key(&object));
        self.changes.push(Change { version: self.version, before, after: there.then_some(object) });
    }
}

/// What a list or a watch is of.
pub(crate) struct Filter {
    pub(crate) kind: String,
    /// Of the forms `key` and `key=value`; empty for all.
    pub(crate) selector: String,
    pub(crate) namespace: Option<String>,
}

impl Filter {
    fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str();
        let selected = match self.selector.split_once('=') {
            Some((key, value)) => label(key) == Some(value),
            None => self.selector.is_empty() || label(&self.selector).is_some(),
        };
        let namespace = object["metadata"]["namespace"].as_str();
        let here = self.namespace.is_none() || self.namespace.as_deref() == namespace;
        selected && here && object["kind"] == *self.kind
    }
}

/// What tells an object from all others.
fn key(object: &Value) -> [Value; 3] {
    let metadata = &object["metadata"];
    [object["kind"].clone(), metadata["namespace"].clone(), metadata["name"].clone()]
}

/// What a change is to a watch: an object may come or go with its labels.
pub(crate) fn line(change: &Change, filter: &Filter) -> Option<Value> {
    let matching = |it: &Option<Value>| it.clone().filter(|it| filter.matches(it));
    let (of, object) = match (matching(&change.before), matching(&change.after)) {
        (None, after) => ("ADDED", after?),
        (Some(_), Some(after)) => ("MODIFIED", after),
        (Some(mut before), None) => {
            before["metadata"]["resourceVersion"] = json!(change.version.to_string());
            ("DELETED", before)
        }
    };
    Some(json!({"type": of, "object": object}))
}
