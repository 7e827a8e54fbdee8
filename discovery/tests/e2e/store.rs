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
    pub(crate) requests: Vec<String>,
}

impl State {
    /// Everything of a kind that a selector matches.
    pub(crate) fn list(&self, kind: &str, selector: &str) -> Vec<Value> {
        let mut objects: Vec<Value> = Vec::new();
        for change in &self.changes {
            let key = change.after.as_ref().or(change.before.as_ref()).map(key);
            objects.retain(|it| Some(self::key(it)) != key);
            objects.extend(change.after.clone());
        }
        objects.retain(|it| it["kind"] == kind && matches(it, selector));
        objects
    }
}

/// What tells an object from all others.
pub(crate) fn key(object: &Value) -> (Value, Value) {
    (object["kind"].clone(), object["metadata"]["name"].clone())
}

/// Label selectors of the forms `key` and `key=value`.
fn matches(object: &Value, selector: &str) -> bool {
    let label = |key: &str| object["metadata"]["labels"][key].as_str();
    match selector.split_once('=') {
        Some((key, value)) => label(key) == Some(value),
        None => selector.is_empty() || label(selector).is_some(),
    }
}

/// What a change is to a watch: an object may come or go with its labels.
pub(crate) fn line(change: &Change, kind: &str, selector: &str) -> Option<Value> {
    let matching =
        |it: &Option<Value>| it.clone().filter(|it| it["kind"] == kind && matches(it, selector));
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
