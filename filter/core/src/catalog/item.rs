//! One item of a list, from what its upstream lists to what clients are shown.

use std::borrow::Cow;

use super::check::Findings;
use super::mend::mend;
use super::{Open, Page, Reading, depends, schema};
use crate::era::Era;
use crate::gateway::Upstream;
use crate::json::{Members, Raw, Read, Scan, decode, encode};
use crate::mcp::capability::Capabilities;
use crate::mcp::fields::{self, Field};
use crate::mcp::method::Kind;
use crate::mcp::name;
use crate::mcp::param_headers;
use crate::mcp::uri;
use crate::rewrite::to_client::Rewriter;

/// Why an item is left out.
type Reason = Cow<'static, str>;

/// The members of an item that the schema of its kind knows.
struct Item<'a> {
    members: &'static [schema::Member],
    values: [Option<Raw<'a>>; schema::MOST_MEMBERS],
    text: Raw<'a>,
    findings: Findings,
}

impl<'a> Item<'a> {
    fn read(kind: Kind, scan: &mut Scan<'a>) -> Read<Self> {
        let members = schema::members(kind);
        let mut values = [None; schema::MOST_MEMBERS];
        let mut findings = Findings::default();
        let text = scan.look(|scan| {
            findings.item(scan, members, |at, value| {
                if let Some(place) = values.get_mut(at) {
                    *place = Some(value);
                }
            })
        })?;
        Ok(Self { members, values, text, findings })
    }

    fn get(&self, key: &str) -> Option<Raw<'a>> {
        let at = self.members.iter().position(|member| member.key == key)?;
        self.values.get(at).copied().flatten()
    }

    fn text_of(&self, key: &str) -> Option<Cow<'a, str>> {
        decode(self.get(key)?.get())
    }

    /// What a report calls it.
    fn label(&self) -> Option<String> {
        let keys = ["name", "uri", "uriTemplate", "taskId"];
        keys.iter().find_map(|key| Some(name::short(&self.text_of(key)?)))
    }
}

/// Reads an item and adds it to the page as clients see it, unless the configuration hides it; one that
/// cannot be used is noted.
pub(super) fn read(page: &mut Page, reading: Reading<'_>, scan: &mut Scan<'_>) -> Read<()> {
    let item = Item::read(reading.listing.kind, scan)?;
    if let Err(reason) = append(page, reading, &item) {
        page.leave_out(item.label(), reason.into_owned());
    }
    Ok(())
}

fn append(page: &mut Page, reading: Reading<'_>, item: &Item<'_>) -> Result<(), Reason> {
    let upstream = reading.gateway.upstream(reading.upstream);
    let mut out = Rewriter::of(upstream, item.text.get().as_bytes());
    let kind = reading.listing.kind;
    let tool = kind == Kind::Tool;
    let key = key_of(kind);
    let own = item.text_of(key);
    let is_as_pinned =
        |own: &Cow<'_, str>| !tool || page.compare(&upstream.tools, own, item.text.get());
    if !own.as_ref().is_none_or(is_as_pinned) || !exists(reading, own.as_deref()) {
        note_hidden(page, reading, item);
        return Ok(());
    }
    if let Some(flaw) = &item.findings.flaw {
        return Err(flaw.clone().into());
    }
    let mut described = "";
    let mut headers = Vec::new();
    if tool {
        if let (Era::Stateless, Some(schema)) = (reading.era, item.get("inputSchema")) {
            headers = param_headers::read(schema)?;
        }
        described = describe(upstream, item, own.as_deref(), &mut out)?;
        forbid_tasks(reading.capabilities, item, &mut out)?;
    }
    if item.findings.mendable {
        mend(item.text, item.members, described, &mut out.edits);
    }
    out.fields(&fields::ITEM_META, item.get("_meta"));
    let own = own.ok_or_else(|| format!("{key} is no text"))?;
    match kind {
        Kind::Tool | Kind::Prompt => {
            if tool && reading.gateway.knows_tools() {
                page.note_tool(own.clone().into_owned());
            }
            page.note_headers(&own, headers);
            append_named(page, reading, own, item, out)
        }
        Kind::Resource | Kind::Template => append_located(page, reading, (&own, key), item, out),
        Kind::Task => {
            out.field(Field::Task, item.get(key).map_or("", Raw::get));
            page.add(&own, |items| out.edits.write(items));
            Ok(())
        }
    }
}

/// The member that says what an item is called.
const fn key_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool | Kind::Prompt => "name",
        Kind::Resource => "uri",
        Kind::Template => "uriTemplate",
        Kind::Task => "taskId",
    }
}

/// Whether the configuration lets the caller see what its upstream calls `own`. What does not say what it is is left out
/// with a reason later, unless the caller may not see all.
fn exists(reading: Reading<'_>, own: Option<&str>) -> bool {
    let Reading { gateway, rights, upstream, listing, .. } = reading;
    own.map_or(gateway.rules.is_none(), |own| gateway.admits(rights, upstream, listing.kind, own))
}

/// Of a tool that is not listed it is remembered all the same how others have to call it.
fn note_hidden(page: &mut Page, reading: Reading<'_>, item: &Item<'_>) {
    if reading.listing.kind != Kind::Tool || reading.era != Era::Stateless {
        return;
    }
    let headers = item.get("inputSchema").and_then(|schema| param_headers::read(schema).ok());
    if let (Some(own), Some(headers)) = (item.text_of("name"), headers) {
        page.note_headers(&own, headers);
    }
}

/// A resource or a template.
fn append_located(
    page: &mut Page,
    reading: Reading<'_>,
    (own, key): (&str, &'static str),
    item: &Item<'_>,
    mut out: Rewriter<'_>,
) -> Result<(), Reason> {
    if !uri::reaches(reading.gateway, reading.upstream, own) {
        return Err("its URI looks like another server's".into());
    }
    out.field(Field::Uri, item.get(key).map_or("", Raw::get));
    page.add(own, |items| out.edits.write(items));
    Ok(())
}

/// A tool or a prompt.
fn append_named<'r>(
    page: &mut Page,
    reading: Reading<'r>,
    own: Cow<'_, str>,
    item: &Item<'_>,
    mut out: Rewriter<'r>,
) -> Result<(), Reason> {
    let upstream = reading.gateway.upstream(reading.upstream);
    let raw = item.get("name").map_or("", Raw::get);
    let tool = reading.listing.kind == Kind::Tool;
    let shown = if tool { upstream.tools.rename.shown(&own) } else { &own };
    if tool && upstream.tools.rename.own(shown) != Some(&*own) {
        return Err("tools.rename gives its name to another tool".into());
    }
    let open = depends(reading.gateway, reading.listing.kind);
    let prefix = if open { "" } else { upstream.joined_prefix.as_str() };
    if !open && !name::reaches(reading.gateway, reading.upstream, shown) {
        return Err("its name looks like another server's".into());
    }
    if *shown != *own {
        out.edits.replace(raw, encode(&format!("{prefix}{shown}")));
    } else if !prefix.is_empty() {
        out.edits.prefix(raw, prefix);
    }
    if open {
        let mut item = Vec::new();
        out.edits.write(&mut item);
        page.keep(Open { shown: shown.to_owned(), own: own.into_owned(), item });
        return Ok(());
    }
    if page.add(&own, |items| out.edits.write(items)) && tool {
        page.note_name(prefix, shown);
    }
    Ok(())
}

/// What the configuration says of a tool in place of its upstream's words; the member that it changes.
fn describe(
    upstream: &Upstream,
    item: &Item<'_>,
    own: Option<&str>,
    out: &mut Rewriter<'_>,
) -> Result<&'static str, Reason> {
    let (name, description) = (item.get("name"), item.get("description"));
    let Some(own) = own else { return Err("name is no text".into()) };
    match (upstream.tools.describes(own), description, name) {
        (Some(text), Some(description), _) => {
            out.edits.replace(description.get(), encode(text));
            Ok("description")
        }
        (Some(text), None, Some(name)) => {
            let member = format!(r#","description":{}"#, encode(text));
            out.edits.insert_after(name.get(), member);
            Ok("description")
        }
        (None, Some(description), _) if !description.is_string() && description.get() != "null" => {
            Err("description is no text".into())
        }
        _ => Ok(""),
    }
}

/// Other upstreams may run tools as tasks, so that the gateway says that it can; a tool of one that
/// cannot must say so itself (2025-11-25, Tasks, "Tool-Level Negotiation").
fn forbid_tasks(can: Capabilities, item: &Item<'_>, out: &mut Rewriter<'_>) -> Result<(), Reason> {
    let execution = item.get("execution").and_then(Members::read);
    let support = execution.and_then(|it| it.find("taskSupport")).map(Raw::get);
    match support {
        None | Some("null") => Ok(()),
        Some(support) if !can.contains(Capabilities::TASKS_CALL) => {
            out.edits.replace(support, r#""forbidden""#);
            Ok(())
        }
        Some(support) if support.starts_with('"') => Ok(()),
        Some(_) => Err("execution.taskSupport is no text".into()),
    }
}
