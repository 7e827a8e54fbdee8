//! One page of every upstream's list, joined into one page (2025-11-25, Pagination).
//!
//! A page of the gateway holds the next page of each upstream, in configured order. Its cursor holds
//! the cursors of those that have more; the others are not asked again. Items move as bytes: only
//! their name changes.

use serde_json::value::RawValue;

use super::admission::Admitted;
use super::answer::Answer;
use super::fan_out::{Ask, FanOut, Job, warnings};
use super::intake::{Client, Request};
use super::{Cx, State, Turn, reply, upstream_request};
use crate::catalog::{self, Page};
use crate::cursor::{self, Position};
use crate::effect::{Counter, Effect};
use crate::error::{ClientError, Error, UpstreamError};
use crate::gateway::Gateway;
use crate::jsonrpc::{Id, MALFORMED, Members, decode, encode};
use crate::route::Listing;
use crate::session::Tag;

/// A list that is being joined.
#[derive(Debug)]
pub(super) struct List {
    id: Id<'static>,
    label: &'static str,
    listing: Listing,
    session: Tag,
    /// Upstreams that this page should have had, by their index; none are asked.
    absent: Vec<(usize, UpstreamError)>,
}

/// Asks for the first page, or the one that the request's cursor names.
pub(super) fn start(
    cx: &mut Cx<'_>,
    client: &Client,
    session: &Admitted,
    label: &'static str,
    listing: Listing,
    request: &Request<'_>,
) -> Turn {
    let refuse = |error| reply::now(reply::error(label, Some(&request.id), &Error::Client(error)));
    if !session.members().any(|(_, member)| member.capabilities.contains(listing.capability)) {
        return refuse(ClientError::UnknownMethod(listing.method.to_owned()));
    }
    let (rest, positions) = match read_params(cx.gateway, listing, session.tag, request.params) {
        Ok(read) => read,
        Err(why) => return refuse(ClientError::Params(why.to_owned())),
    };
    let mut absent = Vec::new();
    let mut asks = Vec::new();
    for (index, upstream) in cx.gateway.upstreams.iter().enumerate() {
        let asked = positions.as_ref().is_none_or(|positions| {
            positions.iter().any(|position| position.upstream == upstream.name)
        });
        match session.member(index) {
            _ if !asked => {}
            None => absent.push((index, Admitted::absence(cx, index))),
            Some(member) if member.capabilities.contains(listing.capability) => {
                asks.push(Ask { upstream: index, request: cx.request_id() });
            }
            Some(_) => {}
        }
    }
    let id = request.id.clone().into_owned();
    let job = List { id, label, listing, session: session.tag, absent };
    FanOut::start(cx, job, asks, |_, id, upstream, ask| {
        let position = positions.iter().flatten().find(|it| it.upstream == upstream.name);
        let body = ask_body(listing, ask.request, &rest, position);
        let member = session.member(ask.upstream);
        Some(upstream_request::call(id, upstream, member, &client.headers, "POST", body))
    })
}

/// What is passed on besides the cursor, as `"key":value,...`, and where each upstream continues.
fn read_params(
    gateway: &Gateway,
    listing: Listing,
    session: Tag,
    params: Option<&RawValue>,
) -> Result<(String, Option<Vec<Position>>), &'static str> {
    let Some(params) = params else { return Ok((String::new(), None)) };
    let params = Members::read(params).ok_or(MALFORMED)?;
    let mut rest = Vec::new();
    let mut positions = None;
    for (key, value) in params.iter() {
        match key {
            "cursor" if value.get() == "null" => {}
            "cursor" => {
                let text = decode(value.get());
                let opened = text.and_then(|text| {
                    cursor::open(&gateway.keys, listing.method, session, text.as_bytes())
                });
                positions = Some(opened.ok_or("`cursor` is not one of this list and session")?);
            }
            "_meta" => rest.extend(without_progress_token(value)),
            _ => rest.push(format!("{}:{}", encode(key), value.get())),
        }
    }
    Ok((rest.join(","), positions))
}

/// One token cannot serve several upstreams: the progress under it must increase (2025-11-25,
/// Progress).
fn without_progress_token(meta: &RawValue) -> Option<String> {
    let mut meta = Members::read(meta)?;
    meta.retain(|key| key != "progressToken");
    let members: Vec<String> =
        meta.iter().map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    (!members.is_empty()).then(|| format!(r#""_meta":{{{}}}"#, members.join(",")))
}

fn ask_body(listing: Listing, request: u64, rest: &str, position: Option<&Position>) -> Vec<u8> {
    let method = listing.method;
    let cursor = position.map(|position| format!(r#""cursor":{}"#, position.cursor));
    let members = [rest, cursor.as_deref().unwrap_or("")];
    let members: Vec<&str> = members.into_iter().filter(|it| !it.is_empty()).collect();
    let params = match members.as_slice() {
        [] => String::new(),
        members => format!(r#","params":{{{}}}"#, members.join(",")),
    };
    format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"{method}"{params}}}"#).into_bytes()
}

impl Job for List {
    type Part = Page;

    fn read(
        &self,
        cx: &Cx<'_>,
        upstream: usize,
        answer: &Answer<'_>,
    ) -> Result<Page, UpstreamError> {
        answer.result(|result| Page::read(cx.gateway, upstream, self.listing, result))
    }

    fn finish(
        self,
        cx: &mut Cx<'_>,
        parts: Vec<(usize, Result<Page, UpstreamError>)>,
    ) -> Vec<Effect> {
        let mut pages = Vec::new();
        let mut failed = self.absent;
        let mut effects = Vec::new();
        for (upstream, part) in parts {
            match part {
                Ok(page) => {
                    if page.dropped > 0 {
                        let counter = Counter::ItemDropped { upstream };
                        effects.push(Effect::Count(counter, page.dropped));
                    }
                    pages.push((upstream, page));
                }
                Err(error) => failed.push((upstream, error)),
            }
        }
        failed.sort_by_key(|(upstream, _)| *upstream);
        let failed: Vec<UpstreamError> = failed.into_iter().map(|(_, error)| error).collect();
        effects.extend(warnings(self.label, &failed));
        if pages.is_empty() && !failed.is_empty() {
            let error = Error::AllUpstreams(failed);
            effects.extend(reply::error(self.label, Some(&self.id), &error));
            return effects;
        }
        let next = next_page(cx, self.listing, self.session, &pages);
        let pages = pages.into_iter().map(|(_, page)| page).collect();
        let result = catalog::join(self.listing, pages, next.as_deref(), &failed);
        effects.extend(reply::result(self.label, &self.id, &result));
        effects
    }

    fn size(page: &Page) -> usize {
        page.size()
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::List(fan_out)
    }
}

/// The cursor for what the upstreams of this page still have.
fn next_page(
    cx: &mut Cx<'_>,
    listing: Listing,
    session: Tag,
    pages: &[(usize, Page)],
) -> Option<String> {
    let positions: Vec<Position> = pages
        .iter()
        .filter_map(|(index, page)| {
            let upstream = cx.gateway.upstreams.get(*index)?.name.clone();
            Some(Position { upstream, cursor: page.next.clone()? })
        })
        .collect();
    if positions.is_empty() {
        return None;
    }
    let nonce = cx.nonce();
    Some(cursor::seal(&cx.gateway.keys, listing.method, session, nonce, &positions))
}
