//! One item of a list, from what its upstream lists to what clients are shown.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Open, Page, Reading, depends};
use crate::capability::Capabilities;
use crate::gateway::Upstream;
use crate::jsonrpc::{Members, decode, encode, read_object};
use crate::name;
use crate::rewrite::to_client::Rewriter;
use crate::route::Kind;
use crate::uri;

/// The members of an item that matter here.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "uriTemplate")]
    template: Option<&'a RawValue>,
    #[serde(borrow, rename = "taskId")]
    task: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    execution: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

/// Adds an item as clients see it, unless the configuration hides it; `None` if it cannot be used.
pub(super) fn append(page: &mut Page, reading: Reading<'_>, text: &str) -> Option<()> {
    let upstream = reading.gateway.upstreams.get(reading.upstream)?;
    let item = read_object::<Item<'_>>(text).ok()?;
    let mut out = Rewriter::of(upstream, text.as_bytes());
    match reading.listing.kind {
        Kind::Tool | Kind::Prompt => return append_named(page, reading, upstream, &item, out),
        Kind::Resource => reachable(reading, &mut out, item.uri?)?,
        Kind::Template => reachable(reading, &mut out, item.template?)?,
        Kind::Task => {
            decode(item.task?.get())?;
            out.task(item.task?);
        }
    }
    if let Some(meta) = item.meta {
        out.meta(meta);
    }
    page.separate();
    out.edits.write(&mut page.items);
    Some(())
}

fn reachable<'r>(reading: Reading<'_>, out: &mut Rewriter<'r>, raw: &'r RawValue) -> Option<()> {
    let text = decode(raw.get())?;
    uri::reaches(reading.gateway, reading.upstream, &text).then(|| out.uri(raw))
}

/// A tool or a prompt.
fn append_named(
    page: &mut Page,
    reading: Reading<'_>,
    upstream: &Upstream,
    item: &Item<'_>,
    mut out: Rewriter<'_>,
) -> Option<()> {
    let raw = item.name?.get();
    let own = decode(raw)?;
    let tool = reading.listing.kind == Kind::Tool;
    if tool && !upstream.tools.admits(&own) {
        return Some(());
    }
    let shown = if tool { upstream.tools.shown(&own) } else { &own };
    // Another tool was renamed to this one's name.
    if tool && upstream.tools.own(shown) != Some(&*own) {
        return None;
    }
    let open = depends(reading.gateway, reading.listing.kind);
    let prefix = if open { "" } else { upstream.joined_prefix.as_str() };
    if !open && !name::reaches(reading.gateway, reading.upstream, shown) {
        return None;
    }
    if *shown != *own {
        out.edits.replace(raw, encode(&format!("{prefix}{shown}")));
    } else if !prefix.is_empty() {
        out.edits.replace(raw, name::join(prefix, raw));
    }
    if tool {
        describe(upstream, &own, item, &mut out);
        forbid_tasks(reading.capabilities, item.execution, &mut out);
    }
    if let Some(meta) = item.meta {
        out.meta(meta);
    }
    if open {
        let mut item = Vec::new();
        out.edits.write(&mut item);
        page.keep(Open { shown: shown.to_owned(), own: own.into_owned(), item });
    } else {
        if tool && name::is_odd(prefix.len() + shown.len(), shown) {
            page.note_odd(format!("{prefix}{shown}"));
        }
        page.separate();
        out.edits.write(&mut page.items);
    }
    Some(())
}

/// What the configuration says of a tool in place of its upstream's words.
fn describe(upstream: &Upstream, own: &str, item: &Item<'_>, out: &mut Rewriter<'_>) {
    let Some(text) = upstream.tools.describes(own) else { return };
    match (item.description, item.name) {
        (Some(description), _) => out.edits.replace(description.get(), encode(text)),
        (None, Some(name)) => {
            let member = format!(r#","description":{}"#, encode(text));
            out.edits.insert_after(name.get(), member);
        }
        (None, None) => {}
    }
}

/// Other upstreams may run tools as tasks, so that the gateway says that it can; a tool of one that
/// cannot must say so itself (2025-11-25, Tasks, "Tool-Level Negotiation").
fn forbid_tasks(can: Capabilities, execution: Option<&RawValue>, out: &mut Rewriter<'_>) {
    if can.contains(Capabilities::TASKS_CALL) {
        return;
    }
    let support = execution.and_then(Members::read).and_then(|it| it.find("taskSupport"));
    if let Some(support) = support {
        out.edits.replace(support.get(), r#""forbidden""#);
    }
}
