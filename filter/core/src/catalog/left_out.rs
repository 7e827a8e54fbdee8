//! Items that clients are not shown: they would reject the whole list for one of them, or could not call it.

use super::{KEPT, NOTED, Page};
use crate::json::encode;

/// How many of them a client is told of.
const MOST: usize = 100;

/// An item that was left out.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// What its upstream calls it, if that can be read; at most 128 characters.
    pub name: Option<String>,
    /// Why, for a person.
    pub reason: String,
}

/// A JSON array of `{upstream, name, reason}`, as `_meta["mcp-mux/dropped"]` holds it: of the first 100.
/// `None` if there is none. Each comes with the name of its upstream.
#[must_use]
pub(crate) fn data<'d>(left_out: impl Iterator<Item = (&'d str, &'d LeftOut)>) -> Option<String> {
    let item = |(upstream, LeftOut { name, reason }): (&str, &LeftOut)| {
        let name = name.as_ref().map_or_else(|| "null".to_owned(), |name| encode(name));
        let (upstream, reason) = (encode(upstream), encode(reason));
        format!(r#"{{"upstream":{upstream},"name":{name},"reason":{reason}}}"#)
    };
    let items: Vec<String> = left_out.take(MOST).map(item).collect();
    (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
}

impl Page {
    /// Counts an item that clients are not shown.
    pub(super) fn leave_out(&mut self, name: Option<String>, reason: String) {
        self.dropped += 1;
        self.note_left_out(LeftOut { name, reason });
    }

    pub(super) fn note_left_out(&mut self, left_out: LeftOut) {
        if self.left_out.len() < NOTED {
            let LeftOut { name, reason } = &left_out;
            self.apart += KEPT + name.as_ref().map_or(0, String::len) + reason.len();
            self.left_out.push(left_out);
        }
    }
}
