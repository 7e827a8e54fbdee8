//! One item of a list, from what its upstream lists to what clients are shown.

use std::borrow::Cow;

use super::{Open, Page, Reading, depends};
use crate::gateway::Upstream;
use crate::json::{Members, Raw, Read, Scan, decode, encode};
use crate::mcp::capability::Capabilities;
use crate::mcp::fields::{self, Field};
use crate::mcp::method::Kind;
use crate::mcp::name;
use crate::mcp::uri;
use crate::rewrite::to_client::Rewriter;

/// The members of an item that matter here.
struct Item<'a> {
    name: Option<Raw<'a>>,
    uri: Option<Raw<'a>>,
    template: Option<Raw<'a>>,
    task: Option<Raw<'a>>,
    description: Option<Raw<'a>>,
    execution: Option<Raw<'a>>,
    meta: Option<Raw<'a>>,
}

impl<'a> Item<'a> {
    const KEYS: [&'static str; 7] =
        ["name", "uri", "uriTemplate", "taskId", "description", "execution", "_meta"];

    const fn of(
        [name, uri, template, task, description, execution, meta]: [Option<Raw<'a>>; 7],
    ) -> Self {
        Self { name, uri, template, task, description, execution, meta }
    }
}

/// Reads an item and adds it to the page as clients see it, unless the configuration hides it; one that
/// cannot be used is counted.
pub(super) fn read(page: &mut Page, reading: Reading<'_>, scan: &mut Scan<'_>) -> Read<()> {
    let mut picked = None;
    let text = scan.look(|scan| {
        picked = scan.pick(Item::KEYS)?;
        Ok(())
    })?;
    if picked.and_then(|picked| append(page, reading, text, &Item::of(picked))).is_none() {
        page.dropped += 1;
    }
    Ok(())
}

/// `None` if it cannot be used.
fn append(page: &mut Page, reading: Reading<'_>, text: Raw<'_>, item: &Item<'_>) -> Option<()> {
    let upstream = reading.gateway.upstream(reading.upstream);
    let mut out = Rewriter::of(upstream, text.get().as_bytes());
    let key = match reading.listing.kind {
        Kind::Tool | Kind::Prompt => return append_named(page, reading, upstream, item, out),
        Kind::Resource => reachable(reading, &mut out, item.uri?)?,
        Kind::Template => reachable(reading, &mut out, item.template?)?,
        Kind::Task => {
            out.field(Field::Task, item.task?.get());
            decode(item.task?.get())?
        }
    };
    out.fields(&fields::ITEM_META, item.meta);
    page.items.push(&key, |items| out.edits.write(items));
    Some(())
}

/// What the URI says.
fn reachable<'i>(
    reading: Reading<'_>,
    out: &mut Rewriter<'_>,
    raw: Raw<'i>,
) -> Option<Cow<'i, str>> {
    let text = decode(raw.get())?;
    let reached = uri::reaches(reading.gateway, reading.upstream, &text);
    reached.then(|| out.field(Field::Uri, raw.get()))?;
    Some(text)
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
    out.fields(&fields::ITEM_META, item.meta);
    if open {
        let mut item = Vec::new();
        out.edits.write(&mut item);
        page.keep(Open { shown: shown.to_owned(), own: own.into_owned(), item });
    } else {
        if tool && name::is_odd(prefix.len() + shown.len(), shown) {
            page.note_odd(format!("{prefix}{shown}"));
        }
        page.items.push(&own, |items| out.edits.write(items));
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
fn forbid_tasks(can: Capabilities, execution: Option<Raw<'_>>, out: &mut Rewriter<'_>) {
    if can.contains(Capabilities::TASKS_CALL) {
        return;
    }
    let support = execution.and_then(Members::read).and_then(|it| it.find("taskSupport"));
    if let Some(support) = support {
        out.edits.replace(support.get(), r#""forbidden""#);
    }
}
