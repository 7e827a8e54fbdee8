//! Finds the upstream that owns what a request is about, and makes the message that it understands.

use std::borrow::Cow;
use std::sync::Arc;

use crate::caller::Caller;
use crate::catalog;
use crate::error::ClientError;
use crate::exchange::request::message::Request;
use crate::exchange::request::params::{Params, no_reference};
use crate::exchange::routed::request::RoutedCall;
use crate::exchange::routed::{pinned, resolve};
use crate::exchange::{Context, Turn, reply};
use crate::gateway::rules::Rights;
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Edits, decode, encode};
use crate::mcp::capability::Capabilities;
use crate::mcp::fields::RequestField;
use crate::mcp::method::{Kind, NamedBy, Owned, Row};
use crate::mcp::name;
use crate::mcp::uri;
use crate::memory::names::Names;
use crate::rewrite::to_upstream;

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
    request: &mut Request<'_>,
) -> Turn {
    let kind = owned.key.named();
    let names = kind.and_then(|kind| cx.memory.names(caller.scope(), kind, caller.told(kind)));
    match (find(cx.gateway, &caller, row, owned, request, names.as_deref()), kind) {
        (Ok(Found::Call(call)), _) => pinned::route(cx, caller, owned, call),
        (Ok(Found::Unlisted(_)), Some(kind)) => {
            resolve::start(cx, caller, resolve::Named { row, owned, kind }, request)
        }
        (Ok(Found::Unlisted(name)), None) => {
            let error = caller.refusal(ClientError::Unknown("name", name));
            reply::now(reply::error(row.label, Some(&request.id), &error))
        }
        (Err(error), _) => {
            reply::now(reply::error(row.label, Some(&request.id), &caller.refusal(error)))
        }
    }
}

/// Finds the owner; `names` are those that the session was told, if they are known. The id of a request that can go on goes
/// with it.
///
/// # Errors
///
/// What the client has to change: params that are not the method's, a name or URI that nobody has.
pub(crate) fn find(
    gateway: &Gateway,
    caller: &Caller,
    row: &'static Row,
    owned: Owned,
    request: &mut Request<'_>,
    names: Option<&Names>,
) -> Result<Found, ClientError> {
    if !caller.may(owned.capability) {
        return Err(ClientError::UnknownMethod(row.method.to_owned()));
    }
    let params = request.params()?;
    let params = params.ok_or_else(|| ClientError::Params("`params` is missing".to_owned()))?;
    let asked = Asked { caller, params, body: request.body };
    let Named { raw, text, owner } = locate(gateway, row, owned, &asked, names)?;
    let Some((upstream, own)) = owner else { return Ok(Found::Unlisted(text.into_owned())) };
    let body = asked.for_owner(gateway, upstream, (*own != *text).then_some((raw, &*own)));
    let name = owned.key.is_in_head().then_some(own);
    let is_retry = params.has_state();
    let call = RoutedCall::new(row, upstream, request.take_id(), body);
    let call = RoutedCall { name, is_retry, ..call };
    Ok(Found::Call(call))
}

/// The owner of what a request names that has begun with `body`, if that is known without asking
/// anybody, and the beginning as the owner gets it.
pub(crate) fn begin(
    cx: &Context<'_>,
    caller: &Caller,
    (row, owned): (&'static Row, Owned),
    params: &Params,
    body: &[u8],
) -> Option<(UpstreamId, Arc<str>, Vec<u8>)> {
    let kind = owned.key.named();
    let names = kind.and_then(|kind| cx.memory.names(caller.scope(), kind, caller.told(kind)));
    let asked = Asked { caller, params, body };
    let Named { raw, text, owner } =
        locate(cx.gateway, row, owned, &asked, names.as_deref()).ok()?;
    let (upstream, own) = owner?;
    pinned::is_clear(cx, owned, upstream, &own).then_some(())?;
    let name = (*own != *text).then_some((raw, &*own));
    let body = asked.for_owner(cx.gateway, upstream, name);
    Some((upstream, own, body))
}

/// The owner of what the head of a request names, if that is known without asking anybody, and what the
/// owner calls it.
pub(crate) fn of_name(
    cx: &Context<'_>,
    caller: &Caller,
    owned: Owned,
    name: &str,
) -> Option<(UpstreamId, Arc<str>)> {
    let asked = ("", Cow::Borrowed(name));
    let found = match owned.key {
        NamedBy::Name(kind) => {
            let names = cx.memory.names(caller.scope(), kind, caller.told(kind));
            named(cx.gateway, caller.rights(), kind, asked, names.as_deref())
        }
        NamedBy::Uri => located(cx.gateway, caller.rights(), asked, ClientError::UnknownResource),
        NamedBy::Task | NamedBy::Reference => return None,
    };
    let (upstream, own) = found.ok()?.owner?;
    pinned::is_clear(cx, owned, upstream, &own).then_some((upstream, own))
}

/// A member of `params` that has to be a string is none, or `is_there` not at all.
pub(crate) fn no_string(key: &str, is_there: bool) -> ClientError {
    let what = if is_there { "must be a string" } else { "is missing" };
    ClientError::Params(format!("`{key}` {what}"))
}

/// Who sends a request, its `params`, and its text as far as it is there.
struct Asked<'p> {
    caller: &'p Caller,
    params: &'p Params,
    body: &'p [u8],
}

impl<'p> Asked<'p> {
    /// The text as the owner gets it, which calls the object by its own name.
    fn for_owner(
        &self,
        gateway: &Gateway,
        owner: UpstreamId,
        name: Option<(&str, &str)>,
    ) -> Vec<u8> {
        let mut edits = Edits::of(self.body);
        if let Some((raw, own)) = name {
            edits.replace(raw, encode(own));
        }
        if let Some(task) = self.params.text(self.body, RequestField::RelatedTaskId)
            && let Some(own) = to_upstream::task(gateway, self.caller.tasks(gateway), owner, task)
        {
            edits.replace(task, own);
        }
        edits.finish().unwrap_or_else(|| self.body.to_vec())
    }

    /// The JSON text and the text of a member that has to be a string.
    fn string(
        &self,
        field: RequestField,
        key: &'static str,
        is_there: bool,
    ) -> Result<(&'p str, Cow<'p, str>), ClientError> {
        let raw = self.params.text(self.body, field).filter(|_| is_there);
        raw.and_then(|raw| Some((raw, decode(raw)?))).ok_or_else(|| no_string(key, is_there))
    }

    fn param(
        &self,
        field: RequestField,
        key: &'static str,
    ) -> Result<(&'p str, Cow<'p, str>), ClientError> {
        self.string(field, key, self.params.has(key))
    }

    fn referred(
        &self,
        field: RequestField,
        key: &'static str,
    ) -> Result<(&'p str, Cow<'p, str>), ClientError> {
        self.string(field, key, self.params.reference_has(key))
    }
}

/// Who has what a request names.
fn locate<'p>(
    gateway: &Gateway,
    row: &'static Row,
    owned: Owned,
    asked: &Asked<'p>,
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    asked.params.check(owned.key)?;
    let found = key(gateway, owned.key, asked, names)?;
    let Some((upstream, _)) = found.owner else { return Ok(found) };
    if owned.capability == Capabilities::RESOURCES_SUBSCRIBE && !gateway.listen.hears(upstream) {
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
    /// Its JSON text, a slice of the request.
    raw: &'p str,
    text: Cow<'p, str>,
    /// The owner's index and what it calls the object; `None` where only a list could tell.
    owner: Option<(UpstreamId, Arc<str>)>,
}

fn key<'p>(
    gateway: &Gateway,
    key: NamedBy,
    asked: &Asked<'p>,
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    let rights = asked.caller.rights();
    match key {
        NamedBy::Name(kind) => {
            named(gateway, rights, kind, asked.param(RequestField::Name, "name")?, names)
        }
        NamedBy::Uri => {
            let uri = asked.param(RequestField::Uri, "uri")?;
            located(gateway, rights, uri, ClientError::UnknownResource)
        }
        NamedBy::Reference => {
            if !asked.params.is_named(key) {
                return Err(no_reference());
            }
            match &*asked.referred(RequestField::ReferenceType, "type")?.1 {
                "ref/prompt" => {
                    let name = asked.referred(RequestField::ReferenceName, "name")?;
                    named(gateway, rights, Kind::Prompt, name, names)
                }
                "ref/resource" => {
                    let uri = asked.referred(RequestField::ReferenceUri, "uri")?;
                    located(gateway, rights, uri, |uri| {
                        ClientError::Unknown("resource template", uri)
                    })
                }
                _ => Err(no_reference()),
            }
        }
        NamedBy::Task => {
            let (raw, text) = asked.param(RequestField::TaskId, "taskId")?;
            let owner = asked.caller.tasks(gateway).owner(gateway, &text);
            let owner = owner.map(|(at, own)| (at, own.into()));
            let owner = owner.ok_or_else(|| ClientError::Unknown("task", short(&text)))?;
            Ok(Named { raw, text, owner: Some(owner) })
        }
    }
}

/// A tool or a prompt.
fn named<'p>(
    gateway: &Gateway,
    rights: Rights,
    kind: Kind,
    (raw, text): (&'p str, Cow<'p, str>),
    names: Option<&Names>,
) -> Result<Named<'p>, ClientError> {
    if catalog::depends(gateway, kind) {
        let exists =
            |(upstream, own): &&(UpstreamId, String)| gateway.admits(rights, *upstream, kind, own);
        let owner = names.and_then(|names| names.get(&*text)).filter(exists);
        let owner = owner.map(|(upstream, own)| (*upstream, own.as_str().into()));
        return Ok(Named { raw, text, owner });
    }
    let owner = || {
        let (index, shown) = name::owner(gateway, &text)?;
        let tools = &gateway.upstream(index).tools;
        let own = if kind == Kind::Tool { tools.rename.own(shown)? } else { shown };
        gateway.admits(rights, index, kind, own).then(|| (index, own.into()))
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
    rights: Rights,
    (raw, text): (&'p str, Cow<'p, str>),
    unknown: impl Fn(String) -> ClientError,
) -> Result<Named<'p>, ClientError> {
    let exists = |(index, own): &(UpstreamId, Cow<'_, str>)| {
        gateway.admits(rights, *index, Kind::Resource, own)
    };
    let owner = uri::owner(gateway, &text).filter(exists).map(|(index, own)| (index, own.into()));
    let owner = owner.ok_or_else(|| unknown(short(&text)))?;
    Ok(Named { raw, text, owner: Some(owner) })
}

/// A text that an error may repeat.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
