//! From the document to the gateway: the rules that need more than one field.

use std::collections::BTreeMap;

use super::collections::{ByTool, List};
use super::error::{ConfigError, quoted};
use super::keys::key_ring;
use super::pins::pins;
use super::raw::{self, ClientFeature, Pattern};
use super::text::{AUTHORITY, HeaderName, NewName, Prefix, is_authority};
use super::{Environment, access, credentials};
use crate::era::upstream::known;
use crate::gateway::{
    Catalog, ClientFeatures, Conflict, Era, Gateway, Globs, Limits, Listen, Origins, PageBound,
    PoolBound, Server, ToolRename, Tools, Transport, Upstream, Upstreams,
};

/// Makes the gateway, or says which two fields do not fit.
pub(super) fn gateway(
    document: raw::Document,
    surroundings: &Environment<'_>,
) -> Result<Gateway, ConfigError> {
    let separator = document.naming.separator.0;
    let mut upstreams = Vec::new();
    for (index, raw) in document.upstreams.0.into_iter().enumerate() {
        let path = format!("upstreams[{index}]");
        let transport = transport(&path, &raw, surroundings)?;
        let upstream = upstream(&path, raw, &separator, (transport, surroundings))?;
        distinct(&upstreams, &upstream)?;
        upstreams.push(upstream);
    }
    let mut upstreams = Upstreams::new(upstreams);
    let name = document.listen.map(|name| name.0);
    let listen = listen(&upstreams, name.as_deref(), surroundings.streams)?;
    // An upstream asks for them on its GET stream, which has to reach the client.
    upstreams.offer_roots(|upstream| listen.hears(upstream));
    let session_ttl = document.session.ttl;
    let opening = document.session.open.0;
    let pool = PoolBound { sessions: document.session.pool, idle: document.session.idle };
    let caller = access::caller(document.caller, surroundings)?;
    let rules = access::rules(document.rules, caller.as_ref())?;
    let (keys, key_source) = key_ring(document.session, surroundings)?;
    let status = document.status.map(|path| path.0);
    if status.as_ref() == Some(&document.path.0) {
        let found = format!("{}, which is the endpoint's path, too", quoted(&document.path.0));
        return Err(ConfigError::new("status", found, "another path, such as /mcp/status"));
    }
    Ok(Gateway {
        path: document.path.0,
        server: Server {
            name: document.server.name.0,
            title: document.server.title,
            instructions: document.server.instructions,
        },
        upstreams,
        listen,
        naming: document.naming.prefix.0,
        separator,
        keys,
        key_source,
        session_ttl,
        opening,
        pool,
        origins: origins(document.origins),
        caller,
        auth: document.auth.map(access::auth),
        rules,
        limits: Limits {
            request_body: document.limits.request_body,
            upstream_body: document.limits.upstream_body,
        },
        page: PageBound { items: document.catalog.page.items, bytes: document.catalog.page.bytes },
        catalog: catalog(&document.catalog),
        status,
        measures_tools: document.metrics.tools,
    })
}

/// One upstream by itself.
fn upstream(
    path: &str,
    raw: raw::Upstream,
    separator: &str,
    (transport, surroundings): (Transport, &Environment<'_>),
) -> Result<Upstream, ConfigError> {
    let name = raw.name.0;
    let prefix = prefix(path, &name, raw.prefix, separator)?;
    let cluster = raw.cluster.map_or_else(|| name.clone(), |cluster| cluster.0);
    let authority = match raw.authority {
        Some(authority) => authority.0,
        None if is_authority(&cluster) => cluster.clone(),
        None => {
            let found = format!("nothing, while the cluster {} is no host", quoted(&cluster));
            return Err(ConfigError::new(format!("{path}.authority"), found, AUTHORITY));
        }
    };
    let set_headers = credentials::expanded(path, raw.headers.set.0, surroundings)?;
    let (default_path, era) = match transport {
        Transport::StreamableHttp => ("/mcp", raw.era.0),
        Transport::Sse => ("/sse", Era::Handshake),
    };
    let target = raw.path.map_or_else(|| default_path.to_owned(), |path| path.0);
    Ok(Upstream {
        forward_headers: forwarded(path, raw.headers.forward.0, &set_headers)?,
        set_headers,
        tools: tools(path, raw.tools)?,
        prompts: raw.prompts.globs(),
        resources: raw.resources.globs(),
        // All that a server of the other transport says comes on one stream.
        roots_in_calls: raw.offer.as_ref().map_or(transport == Transport::Sse, |List(named)| {
            named.contains(&ClientFeature::Roots)
        }),
        offer: offer(raw.offer),
        transport,
        era,
        era_tag: known::tag(&cluster, &authority, &target),
        name,
        cluster,
        path: target,
        authority,
        timeout: raw.timeout,
        call_timeout: raw.call_timeout,
        uri_scheme: uri_scheme(&prefix),
        joined_prefix: if prefix.is_empty() { prefix } else { prefix + separator },
    })
}

/// A server of the older transport has the older era, and needs a host that speaks to it.
fn transport(
    path: &str,
    raw: &raw::Upstream,
    surroundings: &Environment<'_>,
) -> Result<Transport, ConfigError> {
    let transport = raw.transport.0;
    let refused = |field: &str, found: &str, expected: &str| {
        Err(ConfigError::new(format!("{path}.{field}"), found.to_owned(), expected))
    };
    if transport == Transport::Sse && !surroundings.bridges {
        let found = r#""sse", which needs the native host, see docs/hosts.md"#;
        return refused("transport", found, r#""streamable_http""#);
    }
    if transport == Transport::Sse && raw.era.0 == Era::Stateless {
        return refused("era", r#""stateless" with transport "sse""#, r#""auto" or "handshake""#);
    }
    Ok(transport)
}

fn prefix(
    path: &str,
    name: &str,
    prefix: Option<Prefix>,
    separator: &str,
) -> Result<String, ConfigError> {
    let (prefix, origin) = match prefix {
        Some(Prefix(prefix)) => (prefix, ""),
        None => (name.to_owned(), ", the upstream's name,"),
    };
    if prefix.contains(separator) {
        let found = format!("{}{origin} with the separator in it", quoted(&prefix));
        let expected = format!("a prefix without {}", quoted(separator));
        return Err(ConfigError::new(format!("{path}.prefix"), found, expected));
    }
    Ok(prefix)
}

/// RFC 3986, section 3.1: a scheme begins with a letter, has no `_`, and is compared without regard
/// to case.
fn uri_scheme(prefix: &str) -> String {
    let scheme = prefix.to_ascii_lowercase().replace('_', "-");
    match scheme.bytes().next() {
        None => scheme,
        Some(b'a'..=b'z') => scheme + "+",
        Some(_) => format!("x-{scheme}+"),
    }
}

/// Holds `upstream` against those before it.
fn distinct(earlier: &[Upstream], upstream: &Upstream) -> Result<(), ConfigError> {
    let index = earlier.len();
    for (other_index, other) in earlier.iter().enumerate() {
        let Some(conflict) = upstream.conflict(other) else { continue };
        let (name, joined) = (&upstream.name, quoted(&upstream.joined_prefix));
        let (other_name, other_joined) = (&other.name, quoted(&other.joined_prefix));
        let (found, expected) = match conflict {
            Conflict::Name => (
                format!("{}, the name of upstreams[{other_index}]", quoted(name)),
                "a name of its own",
            ),
            Conflict::Prefix => (
                format!("{joined} before the names of {other_name} and {name}"),
                "a prefix of its own for each upstream",
            ),
            Conflict::Beginning => (
                format!(
                    "{other_joined} before the names of {other_name} and {joined} before those of {name}"
                ),
                "prefixes of which none begins another",
            ),
            Conflict::Scheme => (
                format!("{} before the URIs of {other_name} and {name}", quoted(&other.uri_scheme)),
                r#"prefixes that are apart in URIs too, where "A" is "a" and "_" is "-""#,
            ),
        };
        let field = if conflict == Conflict::Name { "name" } else { "prefix" };
        return Err(ConfigError::new(format!("upstreams[{index}].{field}"), found, expected));
    }
    Ok(())
}

fn forwarded(
    path: &str,
    names: Vec<HeaderName>,
    set: &[(String, String)],
) -> Result<Vec<String>, ConfigError> {
    let mut forwarded: Vec<String> = Vec::with_capacity(names.len());
    for (index, HeaderName(name)) in names.into_iter().enumerate() {
        let refused = |found: String, expected| {
            Err(ConfigError::new(format!("{path}.headers.forward[{index}]"), found, expected))
        };
        if forwarded.contains(&name) {
            return refused(format!("{} again", quoted(&name)), "each header once");
        }
        if set.iter().any(|(set, _)| *set == name) {
            let found = format!("{}, which headers.set sets", quoted(&name));
            return refused(found, "a header that is either set or forwarded");
        }
        forwarded.push(name);
    }
    Ok(forwarded)
}

pub(super) fn globs<const MAX: usize>(
    patterns: Option<List<Pattern, MAX>>,
) -> Option<Vec<glob::Pattern>> {
    patterns.map(|List(patterns)| patterns.into_iter().map(|pattern| pattern.0).collect())
}

fn tools(path: &str, raw: raw::Tools) -> Result<Tools, ConfigError> {
    let renamed = renamed(path, raw.rename)?;
    let descriptions = raw.describe.0.into_iter().map(|(name, text)| (name, text.0)).collect();
    let globs = Globs::new(globs(raw.allow), globs(raw.deny));
    let pins = pins(raw.pin, &raw.on_change);
    Ok(Tools::new(globs, ToolRename::new(renamed), descriptions, pins))
}

/// A call with a new name must say which tool is meant.
fn renamed(path: &str, names: ByTool<NewName>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (old, NewName(new)) in names.0 {
        let refused = |found: String, expected| {
            Err(ConfigError::new(format!("{path}.tools.rename.{old}"), found, expected))
        };
        if old == new {
            return refused(quoted(&new), "a name other than the tool's own");
        }
        if let Some(earlier) = taken.insert(new.clone(), old.clone()) {
            let found = format!("{}, the new name of {} too", quoted(&new), quoted(&earlier));
            return refused(found, "a new name of its own for each tool");
        }
        renamed.insert(old, new);
    }
    Ok(renamed)
}

/// Without a word of it, everything is offered.
fn offer(features: Option<List<ClientFeature, 3>>) -> ClientFeatures {
    let Some(List(features)) = features else { return ClientFeatures::ALL };
    ClientFeatures {
        elicitation: features.contains(&ClientFeature::Elicitation),
        roots: features.contains(&ClientFeature::Roots),
        sampling: features.contains(&ClientFeature::Sampling),
    }
}

/// All of them at once, where nothing else is said.
const ALL: &str = "all";

/// Without a word of it the only upstream is listened to. Of several all are, or where the host cannot make one
/// stream of theirs, none: none is more right.
fn listen(upstreams: &Upstreams, name: Option<&str>, streams: bool) -> Result<Listen, ConfigError> {
    let only = upstreams.ids().next().filter(|_| upstreams.len() == 1);
    let named = name.and_then(|name| upstreams.find(name.as_bytes()));
    match (name, named.or(only)) {
        (Some(_), _) if named.is_some() => Ok(named.map_or(Listen::None, Listen::One)),
        (None | Some(ALL), Some(only)) => Ok(Listen::One(only)),
        (None | Some(ALL), None) if streams => Ok(Listen::All),
        (None, None) => Ok(Listen::None),
        (Some(name), _) => Err(unheard(upstreams, name)),
    }
}

fn unheard(upstreams: &Upstreams, name: &str) -> ConfigError {
    let names: Vec<_> = upstreams.iter().map(|(_, it)| it.name.as_str()).collect();
    let expected = match names.as_slice() {
        [] => "no listen where there are no upstreams".to_owned(),
        names => format!("one of {}", names.join(", ")),
    };
    let only = "; only a host that streams, as the native module does, makes one stream of all";
    let why = if name == ALL { only } else { "" };
    ConfigError::new("listen", quoted(name), expected + why)
}

fn origins(raw: raw::Origins) -> Origins {
    let listed: Vec<_> = raw.allow.0.into_iter().map(|origin| origin.0).collect();
    if listed.iter().any(|origin| origin == "*") { Origins::Any } else { Origins::Listed(listed) }
}

fn catalog(raw: &raw::Catalog) -> Option<Catalog> {
    (!raw.ttl.is_zero()).then_some(Catalog { ttl: raw.ttl, scope: raw.scope.0 })
}
