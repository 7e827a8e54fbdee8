//! Finds the upstream that owns what a request is about, and makes the message that it understands.

use std::borrow::Cow;

use crate::caller::Caller;
use crate::catalog;
use crate::error::{ClientError, Error};
use crate::exchange::request::message::Request;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall, Sent};
use crate::exchange::routed::resolve;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Edits, Members, Raw, decode, encode};
use crate::mcp::capability::Capabilities;
use crate::mcp::method::{Kind, NamedBy, Owned, Row};
use crate::mcp::name;
use crate::mcp::owner_tag;
use crate::mcp::uri;
use crate::rewrite::to_upstream;
use crate::worker_cache::Names;

/// What is known of a request's owner.
pub(crate) enum Found {
    /// The request as its owner gets it.
    Call(RoutedCall),
    /// The name is not among those that are known; only a list could tell.
    Unlisted(String),
}

/// Sends a request to its owner, looking for that first where names alone do not say it.
pub(crate) fn call(
    cx: &mut Context<'_>,
    caller: Caller,
    row: &'static Row,
    owned: Owned,
    request: &Request<'_>,
) -> Turn {
    let kind = owned.key.named();
    let names = kind.and_then(|kind| cx.memory.names(caller.scope(), kind, caller.told(kind)));
    match (find(cx.gateway, &caller, row, owned, request, names), kind) {
        (Ok(Found::Call(call)), _) => Outbound::route(Routed::Call(call), caller),
        (Ok(Found::Unlisted(_)), Some(kind)) => {
            resolve::start(cx, caller, resolve::Named { row, owned, kind }, request)
        }
        (Ok(Found::Unlisted(name)), None) => {
            let error = ClientError::Unknown("name", name);
            reply::now(reply::error(row.label, Some(&request.id), &Error::Client(error)))
        }
        (Err(error), _) => {
            reply::now(reply::error(row.label, Some(&request.id), &Error::Client(error)))
        }
    }
}

/// Finds the owner; `names` are those that the session was told, if they are known.
///
/// # Errors
///
/// What the client has to change: params that are not the method's, a name or URI that nobody has.
pub(crate) fn find(
    gateway: &Gateway,
    caller: &Caller,
    row: &'static Row,
    owned: Owned,
    request: &Request<'_>,
    names: Option<&Names>,
) -> Result<Found, ClientError> {
    if !caller.may(owned.capability) {
        return Err(ClientError::UnknownMethod(row.method.to_owned()));
    }
    let params = request.members()?;
    let params = params.ok_or_else(|| ClientError::Params("`params` is missing".to_owned()))?;
    let Named { raw, text, owner } = locate(gateway, row, owned, params, names)?;
    let Some((upstream, own)) = owner else { return Ok(Found::Unlisted(text.into_owned())) };
    let mut edits = Edits::of(request.body);
    if *own != *text {
        edits.replace(raw.get(), encode(&own));
    }
    to_upstream::related_task(gateway, upstream, Some(params), &mut edits);
    let body = edits.finish().unwrap_or_else(|| request.body.to_vec());
    let id = request.id.clone().into_owned();
    let Owned { shape, capability: needs, .. } = owned;
    let sent = Sent::Whole;
    Ok(Found::Call(RoutedCall { label: row.label, id, upstream, shape, needs, body, sent }))
}

/// The owner of what `params` name, if that is known without asking anybody, and its JSON text of the
/// name if it is another.
pub(crate) fn known(
    cx: &Context<'_>,
    caller: &Caller,
    row: &'static Row,
    owned: Owned,
    params: &str,
) -> Option<(UpstreamId, Option<String>)> {
    let kind = owned.key.named();
    let names = kind.and_then(|kind| cx.memory.names(caller.scope(), kind, caller.told(kind)));
    let params = Members::read(Raw::read(params)?)?;
    let Named { text, owner, .. } = locate(cx.gateway, row, owned, &params, names).ok()?;
    let (upstream, own) = owner?;
    Some((upstream, (*own != *text).then(|| encode(&own))))
}

/// Who has what `params` name.
fn locate<'p>(
    gateway: &Gateway,
    row: &'static Row,
    owned: Owned,
    params: &Members<'p>,
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    let found = key(gateway, owned.key, params, names)?;
    let Some((upstream, _)) = found.owner else { return Ok(found) };
    if owned.capability == Capabilities::RESOURCES_SUBSCRIBE && gateway.listen != Some(upstream) {
        let name = gateway.name(upstream);
        let method = row.method;
        return Err(ClientError::UnknownMethod(format!(
            "{method} for upstream {name}, whose notifications reach no client (see `listen`)"
        )));
    }
    Ok(found)
}

/// What a request names its object by.
struct Named<'p> {
    raw: Raw<'p>,
    text: Cow<'p, str>,
    /// The owner's index and what it calls the object; `None` where only a list could tell.
    owner: Option<(UpstreamId, String)>,
}

fn key<'p>(
    gateway: &Gateway,
    key: NamedBy,
    params: &Members<'p>,
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    match key {
        NamedBy::Name(kind) => named(gateway, kind, params, names),
        NamedBy::Uri => located(gateway, params, ClientError::UnknownResource),
        NamedBy::Reference => {
            let reference = params.find("ref").filter(|_| !params.imitates(&["ref"]));
            let reference = reference.and_then(Members::read);
            let expected = || ClientError::Params("`ref` must be a reference".to_owned());
            let reference = reference.ok_or_else(expected)?;
            match &*string(&reference, "type")?.1 {
                "ref/prompt" => named(gateway, Kind::Prompt, &reference, names),
                "ref/resource" => located(gateway, &reference, |uri| {
                    ClientError::Unknown("resource template", uri)
                }),
                _ => Err(expected()),
            }
        }
        NamedBy::Task => {
            let (raw, text) = string(params, "taskId")?;
            let owner = owner_tag::text_owner(gateway, &text).map(|(at, own)| (at, own.to_owned()));
            let owner = owner.ok_or_else(|| ClientError::Unknown("task", short(&text)))?;
            Ok(Named { raw, text, owner: Some(owner) })
        }
    }
}

/// A tool or a prompt.
fn named<'p>(
    gateway: &Gateway,
    kind: Kind,
    params: &Members<'p>,
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    let (raw, text) = string(params, "name")?;
    if catalog::depends(gateway, kind) {
        let owner = names.and_then(|names| names.get(&*text)).cloned();
        return Ok(Named { raw, text, owner });
    }
    let owner = || {
        let (index, shown) = name::owner(gateway, &text)?;
        let tools = &gateway.upstream(index).tools;
        let own = if kind == Kind::Tool { tools.own(shown)? } else { shown };
        (kind != Kind::Tool || tools.admits(own)).then(|| (index, own.to_owned()))
    };
    let owner = owner().ok_or_else(|| unknown(kind, &text))?;
    Ok(Named { raw, text, owner: Some(owner) })
}

/// No upstream has a tool or prompt of this name.
pub(crate) fn unknown(kind: Kind, name: &str) -> ClientError {
    ClientError::Unknown(if kind == Kind::Tool { "tool" } else { "prompt" }, short(name))
}

fn located<'p>(
    gateway: &Gateway,
    params: &Members<'p>,
    unknown: impl Fn(String) -> ClientError,
) -> Result<Named<'p>, ClientError> {
    let (raw, text) = string(params, "uri")?;
    let owner = uri::owner(gateway, &text).map(|(index, own)| (index, own.into_owned()));
    let owner = owner.ok_or_else(|| unknown(short(&text)))?;
    Ok(Named { raw, text, owner: Some(owner) })
}

/// A text that an error may repeat.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

fn string<'p>(
    params: &Members<'p>,
    key: &'static str,
) -> Result<(Raw<'p>, Cow<'p, str>), ClientError> {
    if params.imitates(&[key]) {
        return Err(ClientError::NotJsonRpc("a member of `params` is repeated in other letters"));
    }
    let missing = || ClientError::Params(format!("`{key}` is missing"));
    let raw = params.find(key).ok_or_else(missing)?;
    let text = decode(raw.get());
    Ok((raw, text.ok_or_else(|| ClientError::Params(format!("`{key}` must be a string")))?))
}
