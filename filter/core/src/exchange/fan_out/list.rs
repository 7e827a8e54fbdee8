//! Asks every upstream for the next page of its list (2025-11-25, Pagination).
//!
//! Half of all clients never ask for a second page. So lists are read to their end as long as what they
//! hold stays within `catalog.page`. The cursor of the gateway holds the cursors of those that have more;
//! the others are not asked again. Where the names depend on what all upstreams have, every list is read
//! to its end in any case.

use crate::caller::Caller;
use crate::catalog::cache::{ListChanged, Moment};
use crate::catalog::{Page, Reading, Stepped, Steps, depends, settle_round};
use crate::era::Era;
use crate::era::client::stateless::RESERVED;
use crate::era::upstream::Subject;
use crate::error::{ClientError, UpstreamError};
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::list_reply::ListReply;
use crate::exchange::fan_out::list_subscription::{self, Wanted};
use crate::exchange::fan_out::question::Question;
use crate::exchange::request::message::Request;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::rules::Rights;
use crate::gateway::{Gateway, Upstream, UpstreamId};
use crate::http::MediaType;
use crate::json::{Members, Raw, decode, encode};
use crate::mcp::capability::Capabilities;
use crate::mcp::cursor::{self, Position};
use crate::mcp::method::{Kind, Listing};
use crate::peer::Peer;
use crate::session::ScopeTag;

/// How many pages of one upstream are joined into one.
const PAGES: usize = 1000;

/// A list that upstreams are asked for.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) listing: Listing,
    pub(crate) scope: ScopeTag,
    /// What its caller may see of it.
    pub(crate) rights: Rights,
    /// What is asked besides the cursor, as `"key":value,...`.
    pub(crate) rest: String,
    /// Where each upstream continues; `None` for the first page.
    pub(crate) positions: Option<Vec<Position>>,
    /// Whether every upstream is asked until it has no more.
    pub(crate) whole: bool,
}

/// Asks for the first page, or the one that the request's cursor names.
pub(crate) fn start(
    cx: &mut Context<'_>,
    mut caller: Caller,
    label: &'static str,
    listing: Listing,
    request: &Request<'_>,
) -> Turn {
    let refuse = |caller: &Caller, error| {
        reply::now(reply::error(label, Some(&request.id), &caller.refusal(error)))
    };
    let (rest, positions) = match read_params(cx.gateway, listing, caller.scope(), request) {
        Ok(read) => read,
        Err(error) => return refuse(&caller, error),
    };
    let id = request.id.clone().into_owned();
    let whole = depends(cx.gateway, listing.kind);
    if whole && positions.is_some() {
        // From before the names depended on all of the list.
        return refuse(&caller, foreign());
    }
    caller.recall(cx);
    let (scope, rights) = (caller.scope(), caller.rights());
    let list = List { listing, scope, rights, rest, positions, whole };
    let mut asked = list.may_have(cx.gateway, &caller);
    // Where there is no upstream at all, what the session was promised may come back.
    if asked.is_empty() && !cx.gateway.upstreams.is_empty() {
        return refuse(&caller, ClientError::UnknownMethod(listing.method.to_owned()));
    }
    asked.retain(|index| {
        list.positions.is_none() || list.position(cx.gateway.upstream(*index)).is_some()
    });
    let wanted = Wanted { list, reply: ListReply::new(label, id), asked };
    list_subscription::start(cx, wanted, caller)
}

/// Now, as lists of tools have it.
pub(crate) fn moment(cx: &Context<'_>) -> Moment {
    let changes = ListChanged::of(Kind::Tool).map_or(0, |lists| cx.host.list_changes(lists));
    Moment { changes, second: cx.host.now() }
}

impl List {
    /// All that there is of a list.
    pub(crate) fn whole(listing: Listing, caller: &Caller) -> Self {
        let (scope, rights) = (caller.scope(), caller.rights());
        Self { listing, scope, rights, rest: String::new(), positions: None, whole: true }
    }

    /// The upstreams to ask. One of which nothing is known yet may have the capability.
    pub(crate) fn may_have(&self, gateway: &Gateway, caller: &Caller) -> Vec<UpstreamId> {
        let has = |peer: &Peer| peer.capabilities.contains(self.listing.capability);
        let may = |index: &UpstreamId| caller.expected(*index).is_none_or(has);
        gateway.upstreams.ids().filter(may).collect()
    }

    /// Remembers the listed tools, how they are called, and which of those that are pinned have changed.
    pub(crate) fn learn_calls(&self, cx: &Context<'_>, pages: &mut [(UpstreamId, Page)]) {
        if self.listing.kind != Kind::Tool {
            return;
        }
        if pages.iter().any(|(_, page)| !page.pinned.is_empty()) {
            let now = moment(cx);
            cx.memory.pins.with(|pins| {
                for (upstream, page) in pages.iter() {
                    pins.learn(*upstream, &page.pinned, now);
                }
            });
        }
        if cx.gateway.knows_tools() {
            for (upstream, page) in pages.iter_mut() {
                let (names, is_later) = (page.take_tools(), self.positions.is_some());
                cx.memory.seen.with(*upstream, |seen| seen.lists(names, is_later));
            }
        }
        cx.memory.tool_headers.with(|known| {
            for (upstream, page) in pages {
                let listed = std::mem::take(&mut page.tool_headers);
                known.learn(*upstream, listed, self.positions.is_some());
            }
        });
    }

    fn reading<'r>(
        &self,
        cx: &Context<'r>,
        upstream: UpstreamId,
        (capabilities, era): (Capabilities, Era),
    ) -> Reading<'r> {
        let (gateway, listing, rights) = (cx.gateway, self.listing, self.rights);
        Reading { gateway, upstream, listing, rights, capabilities, era }
    }

    fn position(&self, upstream: &Upstream) -> Option<&Position> {
        self.positions.as_ref()?.iter().find(|position| position.upstream == upstream.name)
    }
}

fn foreign() -> ClientError {
    ClientError::Params("`cursor` is not one of this list and session".to_owned())
}

/// What is passed on besides the cursor, as `"key":value,...`, and where each upstream continues.
fn read_params(
    gateway: &Gateway,
    listing: Listing,
    scope: ScopeTag,
    request: &Request<'_>,
) -> Result<(String, Option<Vec<Position>>), ClientError> {
    let Some(params) = request.members()? else { return Ok((String::new(), None)) };
    let mut rest = Vec::new();
    let mut positions = None;
    for (key, value) in params.iter() {
        match key {
            "cursor" if value.get() == "null" => {}
            "cursor" => {
                let text = decode(value.get());
                let opened = text.and_then(|text| {
                    cursor::open(&gateway.keys, listing.method, scope, text.as_bytes())
                });
                positions = Some(opened.ok_or_else(foreign)?);
            }
            "_meta" => rest.extend(without_progress_token(value)),
            _ => rest.push(format!("{}:{}", encode(key), value.get())),
        }
    }
    Ok((rest.join(","), positions))
}

/// One token cannot serve several upstreams: the progress under it must increase (2025-11-25,
/// Progress).
fn without_progress_token(meta: Raw<'_>) -> Option<String> {
    let mut meta = Members::read(meta)?;
    meta.retain(|key| key != "progressToken" && !RESERVED.contains(&key));
    let members: Vec<String> =
        meta.iter().map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    (!members.is_empty()).then(|| format!(r#""_meta":{{{}}}"#, members.join(",")))
}

impl Question for List {
    type Part = Page;

    fn subject(&self) -> Subject<'_> {
        Subject::of(self.listing.method)
    }

    fn body(&self, upstream: &Upstream, request: u64, so_far: Option<&Page>) -> Vec<u8> {
        let method = self.listing.method;
        let position = || self.position(upstream).map(|it| it.cursor.as_str());
        let cursor = so_far.map_or_else(position, |page| page.next.as_deref());
        let cursor = cursor.map(|cursor| format!(r#""cursor":{cursor}"#));
        let members = [self.rest.as_str(), cursor.as_deref().unwrap_or("")];
        let members: Vec<&str> = members.into_iter().filter(|it| !it.is_empty()).collect();
        let params = match members.as_slice() {
            [] => String::new(),
            members => format!(r#","params":{{{}}}"#, members.join(",")),
        };
        format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"{method}"{params}}}"#).into_bytes()
    }

    fn opens(&self) -> bool {
        true
    }

    fn unasked(&self, peer: &Peer) -> Option<Page> {
        (!peer.capabilities.contains(self.listing.capability)).then(Page::default)
    }

    fn read(
        &self,
        cx: &Context<'_>,
        upstream: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Page, UpstreamError> {
        let reading = self.reading(cx, upstream, (answer.capabilities, answer.dialect.from));
        let page = answer.result(|scan| match answer.items.take() {
            Some(page) => page.read_on(reading, scan),
            None => Page::read(reading, scan),
        });
        let page = page.map(|page| match self.position(answer.upstream) {
            Some(Position { cursor, walk, .. }) => page.reached(walk.clone(), cursor),
            None => page,
        });
        // A server whose resources have no templates may not know that these can be asked for.
        page.or_else(|error| if answer.unknown_method() { Ok(Page::default()) } else { Err(error) })
    }

    fn steps(&self, kind: MediaType, body: Vec<u8>) -> Result<Box<Steps>, Vec<u8>> {
        Steps::of(body, kind, self.listing.member)
    }

    fn step(
        &self,
        cx: &Context<'_>,
        upstream: UpstreamId,
        (capabilities, era): (Capabilities, Era),
        steps: Box<Steps>,
    ) -> Stepped {
        steps.step(self.reading(cx, upstream, (capabilities, era)))
    }

    fn add(&self, cx: &Context<'_>, mut so_far: Page, page: Page) -> Result<Page, Fault> {
        if !self.whole {
            so_far.later = Some(Box::new(page));
            return Ok(so_far);
        }
        let limit = cx.gateway.limits.upstream_body;
        let whole = so_far.and(page);
        match (whole.size() > limit, whole.pages > PAGES) {
            (true, _) => Err(Fault::ListTooLong { limit }),
            (_, true) => Err(Fault::TooManyPages { limit: PAGES }),
            (false, false) => Ok(whole),
        }
    }

    fn is_partial(&self, page: &Page) -> bool {
        self.whole && page.next.is_some()
    }

    fn cut_short(&self, mut so_far: Page, error: UpstreamError) -> Result<Page, UpstreamError> {
        if self.whole {
            // Names that depend on all of it cannot be settled by a part.
            return Err(error);
        }
        (so_far.next, so_far.cut_short) = (None, Some(error));
        Ok(so_far)
    }

    fn next_round(
        &self,
        cx: &Context<'_>,
        parts: &mut [(UpstreamId, &mut Page)],
    ) -> Vec<UpstreamId> {
        if self.whole {
            return Vec::new();
        }
        let mut pages: Vec<&mut Page> = parts.iter_mut().map(|(_, page)| &mut **page).collect();
        if !settle_round(cx.gateway.page, &mut pages) {
            return Vec::new();
        }
        let more = parts.iter().filter(|(_, page)| page.next.is_some());
        more.map(|(upstream, _)| *upstream).collect()
    }

    fn held(&self) -> usize {
        let position =
            |it: &Position| it.upstream.capacity() + it.cursor.capacity() + it.walk.size();
        let positions = self.positions.iter().flatten().map(position);
        self.rest.capacity() + positions.sum::<usize>()
    }

    fn size(page: &Page) -> usize {
        page.size()
    }
}
