//! The pages of all upstreams, joined into one page, as the answer to a client's request
//! (2025-11-25, Pagination).
//!
//! A page of the gateway holds the next pages of each upstream, in configured order. Where the names
//! depend on what all upstreams have, there is one page. Items move as bytes: only what names them
//! changes.

use crate::caller::Caller;
use crate::catalog::cache::{Merged, Moment};
use crate::catalog::{self, Page, settle};
use crate::effect::Effect;
use crate::era::Era;
use crate::era::upstream::stateless::META_SERVER_INFO;
use crate::error::{ClientError, Error, UpstreamError};
use crate::exchange::fan_out::list::List;
use crate::exchange::fan_out::list_key::Asking;
use crate::exchange::fan_out::list_subscription::{self, Leading};
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::report::report;
use crate::exchange::fan_out::unavailable;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::encode;
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::cursor::{self, Position};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Listing;
use crate::memory::names::AnnouncedNames;
use crate::session::ScopeTag;

/// The shortest time for which a list is kept, in milliseconds: whole seconds are all that the clock has.
const SHORTEST: u64 = 1000;

/// A client's request for a list.
#[derive(Debug)]
pub(crate) struct ListReply {
    pub(crate) label: &'static str,
    pub(crate) id: Id<'static>,
    /// Others that may wait for the same.
    pub(crate) leading: Option<Leading>,
    /// When it was asked for, if it may be kept for as long as its upstreams say.
    pub(crate) asked: Option<Moment>,
}

impl ListReply {
    /// For the request with this id; nobody else waits for it.
    pub(crate) fn new(label: &'static str, id: Id<'static>) -> Self {
        Self { label, id, leading: None, asked: None }
    }
}

impl Completion<List> for ListReply {
    fn complete(self, cx: &mut Context<'_>, list: List, ended: Ended<Page>) -> Turn {
        let Ended { parts, caller, .. } = ended;
        let (mut pages, mut failed) = unavailable::sort(parts);
        failed.extend(pages.iter_mut().filter_map(|(_, page)| page.cut_short.take()));
        list.learn_calls(cx, &mut pages);
        let settled = settle(cx.gateway, list.listing.kind, &mut pages);
        let mut effects = report(cx, list.listing.kind, &pages, &settled.conflicts);
        effects.extend(unavailable::warnings(self.label, &failed));
        if let Some(error) = no_list((cx.gateway, &caller), &list, &pages, &mut failed) {
            effects.extend(reply::error(self.label, Some(&self.id), &error));
            if let Some(leading) = self.leading {
                let asking = Asking { gateway: cx.gateway, list: &list, caller: &caller };
                effects.push(leading.land(cx, asking, Err(error), false));
            }
            return reply::now(effects);
        }
        let told = list.whole.then(|| AnnouncedNames::from(settled.names));
        if let Some(told) = &told {
            let kind = list.listing.kind;
            let names = cx.memory.learn(list.scope, kind, told.clone());
            effects.extend(caller.tell(cx, kind, names));
        }
        let next = next_page(cx, list.listing, list.scope, &pages);
        let hints = hints(cx.gateway, &list, &pages, next.is_none() && failed.is_empty());
        let own_meta = own_meta(cx.gateway, &caller, &pages, &failed);
        let pages = pages.into_iter().map(|(_, page)| page).collect();
        let result = catalog::join(list.listing, pages, next.as_deref(), own_meta);
        let said = (caller.era() == Era::Stateless).then_some(hints);
        effects.extend(reply::list(self.label, &self.id, &result, said));
        let asking = Asking { gateway: cx.gateway, list: &list, caller: &caller };
        if let Some(leading) = self.leading {
            let only = next.is_some().then_some(list.scope);
            let made = Ok(Merged { result, hints, told, only });
            effects.push(leading.land(cx, asking, made, failed.is_empty()));
        } else if let Some(asked) = self.asked.filter(|_| hints.ttl_ms >= SHORTEST) {
            let merged = Merged { result, hints, told, only: None };
            list_subscription::keep_by_hints(cx, asking, asked, merged);
        }
        reply::now(effects)
    }

    fn abandon(&self, cx: &mut Context<'_>) -> Option<Effect> {
        self.leading.as_ref().map(|leading| leading.abandon(cx))
    }
}

/// Why there is no list at all: every upstream failed, or none has what it lists, as a client of the stateless
/// era is told (2026-07-28, Base Protocol). Another one was told what there is when it was given its session.
fn no_list(
    (gateway, caller): (&Gateway, &Caller),
    list: &List,
    pages: &[(UpstreamId, Page)],
    failed: &mut Vec<UpstreamError>,
) -> Option<Error> {
    let Listing { method, capability, .. } = list.listing;
    if pages.is_empty() && !failed.is_empty() {
        return Some(Error::AllUpstreams(std::mem::take(failed)));
    }
    // Where there is no upstream at all, those that come may have it.
    let is_asked = caller.era() == Era::Stateless && !gateway.upstreams.is_empty();
    let is_unknown = is_asked && !caller.may(capability);
    is_unknown.then(|| caller.refusal(ClientError::UnknownMethod(method.to_owned())))
}

/// How long the list may be kept, and by whom. Of one that has more pages, each says the same; one that
/// lacks something is not kept.
fn hints(
    gateway: &Gateway,
    list: &List,
    pages: &[(UpstreamId, Page)],
    is_whole: bool,
) -> CacheHints {
    if !is_whole || list.goes_on() || pages.is_empty() {
        return CacheHints::NONE;
    }
    let joined = |hints: CacheHints, (_, page): &(UpstreamId, Page)| hints.and(page.hints);
    let hints = pages.iter().fold(CacheHints::WIDEST, joined);
    // What is in it depends on who asks.
    let hints = CacheHints { is_public: hints.is_public && gateway.rules.is_none(), ..hints };
    match gateway.catalog {
        Some(catalog) => {
            let ttl_ms = u64::try_from(catalog.ttl.as_millis()).unwrap_or(u64::MAX);
            CacheHints { ttl_ms, ..hints }
        }
        None => hints,
    }
}

/// What the gateway says of the list itself: who is missing, what was left out, and in the stateless era
/// whose list it is.
fn own_meta(
    gateway: &Gateway,
    caller: &Caller,
    pages: &[(UpstreamId, Page)],
    failed: &[UpstreamError],
) -> Vec<(String, String)> {
    let left_out = pages.iter().flat_map(|(upstream, page)| {
        let name = gateway.name(*upstream);
        page.left_out.iter().map(move |it| (name, it))
    });
    let dropped = catalog::left_out_data(left_out).map(|data| (encode("mcp-mux/dropped"), data));
    let own =
        (caller.era() == Era::Stateless).then(|| (encode(META_SERVER_INFO), gateway.server.info()));
    unavailable::meta_member(failed).into_iter().chain(dropped).chain(own).collect()
}

/// The cursor for what the upstreams of this page still have.
fn next_page(
    cx: &mut Context<'_>,
    listing: Listing,
    scope: ScopeTag,
    pages: &[(UpstreamId, Page)],
) -> Option<String> {
    let positions: Vec<Position> = pages
        .iter()
        .filter_map(|(index, page)| {
            let upstream = cx.gateway.name(*index).to_owned();
            Some(Position { upstream, cursor: page.next.clone()?, walk: page.walk.clone() })
        })
        .collect();
    if positions.is_empty() {
        return None;
    }
    let nonce = cx.nonce();
    Some(cursor::seal(&cx.gateway.keys, listing.method, scope, nonce, &positions))
}
