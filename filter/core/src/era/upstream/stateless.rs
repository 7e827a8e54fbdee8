//! Upstreams of the stateless era. Each request says everything itself, in `_meta` and partly in the head: the
//! revision, who asks, and what that client can do (2026-07-28, Base Protocol, "_meta"; Streamable HTTP,
//! "Request Headers"). What an upstream can do is asked once, by `server/discover`.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::era::client::handshake::REVISION;
use crate::era::client::stateless::{META_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL};
use crate::era::client::stateless::{META_REVISION, RESERVED};
use crate::era::upstream::Introduction;
use crate::error::UpstreamError;
use crate::exchange::fan_out::answer::Answer;
use crate::fault::Fault;
use crate::json::{Edits, Members, Raw, Scan, decode, encode};
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::capability::Capabilities;
use crate::mcp::error_code::{
    HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_CAPABILITY, UNSERVED_REVISION,
};
use crate::mcp::header_value::{self, MCP_METHOD, MCP_NAME};
use crate::mcp::log_level::LogLevel;
use crate::mcp::revision::Revision;
use crate::peer::Peer;

/// The id of the request whose stream a notification is on, in its `_meta` (2026-07-28, Subscriptions).
pub(crate) const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Whose result it is, in the `_meta` of a result.
pub(crate) const META_SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The method that asks what an upstream can do.
pub(crate) const DISCOVER: &str = "server/discover";

/// What a request says of the client it is made for.
#[derive(Clone, Debug)]
pub(crate) struct Speaker<'c> {
    /// `clientInfo` as JSON, if the client has said it.
    pub(crate) info: Option<Cow<'c, str>>,
    /// `clientCapabilities` as JSON.
    pub(crate) capabilities: Cow<'c, str>,
    /// From which level on log messages are wanted.
    pub(crate) log_level: Option<LogLevel>,
}

impl Speaker<'_> {
    /// The members of `_meta` that every request has to have, without braces.
    pub(crate) fn members(&self) -> String {
        let mut members = String::with_capacity(300);
        let mut add = |comma: &str, key: &str, value: &str| {
            for part in [comma, "\"", key, "\":", value] {
                members.push_str(part);
            }
        };
        add("", META_REVISION, &encode(Revision::NEWEST_STATELESS.as_str()));
        if let Some(info) = &self.info {
            add(",", META_CLIENT_INFO, info);
        }
        add(",", META_CAPABILITIES, &self.capabilities);
        if let Some(level) = self.log_level {
            add(",", META_LOG_LEVEL, &encode(level.as_str()));
        }
        members
    }

    /// Asks an upstream what it can do.
    pub(crate) fn discover(&self, request: u64) -> Vec<u8> {
        let meta = self.members();
        format!(
            r#"{{"jsonrpc":"2.0","id":{request},"method":"{DISCOVER}","params":{{"_meta":{{{meta}}}}}}}"#
        )
        .into_bytes()
    }

    /// The request as an upstream of this era takes it: what the client said of itself in an envelope of
    /// its own era gives way to what it says here. `None` for what is no request with members.
    pub(crate) fn envelop(&self, body: &[u8]) -> Option<Vec<u8>> {
        let reserved = self.members();
        edit_meta(body, |meta| match meta {
            Some(meta) => {
                let rest = without_reserved(&meta);
                let comma = if rest.is_empty() { "" } else { "," };
                Some(format!("{{{reserved}{comma}{rest}}}"))
            }
            None => Some(format!("{{{reserved}}}")),
        })
    }
}

/// The request as an upstream of the handshake era takes it: some refuse the keys of this era. `None` if
/// there are none in it.
pub(crate) fn unwrap(body: &[u8]) -> Option<Vec<u8>> {
    edit_meta(body, |meta| {
        let meta = meta?;
        let foreign = meta.iter().any(|(key, _)| RESERVED.contains(&key));
        foreign.then(|| format!("{{{}}}", without_reserved(&meta)))
    })
}

/// The members of a `_meta` but for those of this era, without braces.
pub(crate) fn without_reserved(meta: &Members<'_>) -> String {
    let rest = meta.iter().filter(|(key, _)| !RESERVED.contains(key));
    let rest: Vec<String> =
        rest.map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    rest.join(",")
}

/// A notification on the stream of the `subscriptions/listen` with this raw id. `None` for what is none.
pub(crate) fn of_subscription(notification: &[u8], id: &str) -> Option<Vec<u8>> {
    edit_meta(notification, |meta| {
        let mut members = format!("{}:{id}", encode(META_SUBSCRIPTION));
        let meta = meta.unwrap_or_default();
        for (key, value) in meta.iter().filter(|(key, _)| *key != META_SUBSCRIPTION) {
            let _ = write!(members, ",{}:{}", encode(key), value.get());
        }
        Some(format!("{{{members}}}"))
    })
}

/// A notification without the id of the request whose stream it is on. `None` for what has none.
pub(crate) fn of_no_subscription(notification: &[u8]) -> Option<Vec<u8>> {
    edit_meta(notification, |meta| {
        let meta = meta?;
        let rest: Vec<(&str, Raw<'_>)> =
            meta.iter().filter(|(key, _)| *key != META_SUBSCRIPTION).collect();
        (rest.len() < meta.iter().count()).then(|| {
            let member =
                |(key, value): &(&str, Raw<'_>)| format!("{}:{}", encode(key), value.get());
            format!("{{{}}}", rest.iter().map(member).collect::<Vec<_>>().join(","))
        })
    })
}

/// Puts in place of the `_meta` of a request what `edit` makes of it; it has none if it is handed `None`.
fn edit_meta(
    body: &[u8],
    edit: impl FnOnce(Option<Members<'_>>) -> Option<String>,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [params, method] = Scan::whole(text, |scan| scan.pick(["params", "method"])).ok()??;
    let splice = |part: &str, with: &str| {
        let mut edits = Edits::of(body);
        edits.replace(part, with);
        edits.finish()
    };
    let Some(params) = params else {
        let meta = edit(None)?;
        let mut edits = Edits::of(body);
        edits.insert_after(method?.get(), format!(r#","params":{{"_meta":{meta}}}"#));
        return edits.finish();
    };
    let [meta] = params.scan().pick(["_meta"]).ok()??;
    if let Some(meta) = meta {
        let with = edit(Some(Members::read(meta).unwrap_or_default()))?;
        return splice(meta.get(), &with);
    }
    let meta = edit(None)?;
    let inner = params.get().strip_prefix('{')?.trim_start();
    let comma = if inner == "}" { "" } else { "," };
    splice(params.get(), &format!(r#"{{"_meta":{meta}{comma}{inner}"#))
}

/// The headers of every request to such an upstream; `name` is that of the thing that it is about, as the
/// upstream calls it.
pub(crate) fn headers<'h>(
    method: &'h str,
    name: Option<&'h str>,
) -> impl Iterator<Item = (&'static str, Cow<'h, str>)> {
    let revision = Cow::Borrowed(Revision::NEWEST_STATELESS.as_str());
    let name = name.map(|name| (MCP_NAME, header_value::encode(name)));
    [(REVISION, revision), (MCP_METHOD, Cow::Borrowed(method))].into_iter().chain(name)
}

/// Of which era an upstream is, by its answer to `server/discover`.
#[derive(Debug)]
pub(crate) enum Discovered {
    /// It has no sessions, and can do this.
    Stateless(Introduction),
    /// It has no sessions, but does not say what it can do: the request lacks something, as only a server of this
    /// era would say.
    Untold(UpstreamError),
    /// It wants a handshake.
    Handshake,
    /// It does not say, or has no revision that the gateway speaks.
    Unknown(UpstreamError),
}

/// Reads an upstream's answer to `server/discover`.
///
/// Only a revision of this era among the `supportedVersions` proves it, or an error that only this era has: there
/// are servers that answer, and want a handshake. Whoever refuses to answer, but for reasons that have nothing to do with the era, does
/// not know the method.
pub(crate) fn read(answer: &Answer<'_>) -> Discovered {
    let result = answer.result(|scan| scan.value().map(introduction));
    match result {
        Ok(Some(introduction)) => Discovered::Stateless(introduction),
        Ok(None) => Discovered::Handshake,
        Err(error) => match answer.rpc_code() {
            Some(UNSERVED_REVISION) if answer.supports_handshake() => Discovered::Handshake,
            Some(UNSERVED_REVISION) => Discovered::Unknown(answer.error(Fault::NoCommonRevision)),
            Some(MISSING_CAPABILITY | HEADER_MISMATCH) => Discovered::Untold(error),
            // Not those that ask for credentials, or for patience.
            _ => match answer.status() {
                401 | 403 | 407 | 408 | 429 | 500.. => Discovered::Unknown(error),
                200..=299 | 400..=499 => Discovered::Handshake,
                _ => Discovered::Unknown(error),
            },
        },
    }
}

/// Whether the answer to `initialize` is one of an upstream that has no sessions: an error of its era, or that
/// it does not know the method, which every other one does, or that it misses what a request of its era has to
/// say in `_meta`.
pub(crate) fn is_of_stateless(answer: &Answer<'_>) -> bool {
    match answer.rpc_code() {
        Some(UNSERVED_REVISION | MISSING_CAPABILITY | HEADER_MISMATCH | METHOD_NOT_FOUND) => true,
        Some(INVALID_PARAMS) => answer.status() == 400,
        _ => false,
    }
}

/// What a `DiscoverResult` says; `None` if no revision in it is one of this era that the gateway speaks.
fn introduction(result: Raw<'_>) -> Result<Option<Introduction>, Fault> {
    let result = Members::read(result).ok_or(Fault::ResultNoObject)?;
    let mut speaks = false;
    if let Some(versions) = result.find("supportedVersions") {
        let each = versions.scan().elements(|scan| {
            let version = decode(scan.value()?.get());
            speaks |= version.is_some_and(|it| Revision::stateless(it.as_bytes()).is_some());
            Ok(())
        });
        speaks &= each == Ok(true);
    }
    if !speaks {
        return Ok(None);
    }
    let capabilities = result.find("capabilities").map_or("{}", Raw::get);
    // Tasks of this era are an extension, which has nothing in common with those of the other.
    let capabilities = Capabilities::read(capabilities.as_bytes()).without(Capabilities::TASKS_ALL);
    let instructions = result.find("instructions").and_then(|raw| decode(raw.get()));
    let instructions = instructions.map(Cow::into_owned).filter(|text| !text.is_empty());
    let revision = Revision::NEWEST_STATELESS;
    let peer = Peer { revision, capabilities, session: None, init_fingerprint: None };
    let hints = CacheHints::read(result.find("ttlMs"), result.find("cacheScope"));
    Ok(Some(Introduction { peer, instructions, hints }))
}
