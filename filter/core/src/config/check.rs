//! From the document to the gateway: the rules that need more than one field.

use super::Surroundings;
use super::error::{ConfigError, quoted};
use super::keys::key_ring;
use super::raw::{self, List, Pattern};
use super::text::{AUTHORITY, HeaderName, Prefix, is_authority};
use crate::gateway::{Gateway, Limits, Origins, Server, ToolFilter, Upstream};

/// Makes the gateway, or says which two fields do not fit.
pub(super) fn gateway(
    document: raw::Document,
    surroundings: &Surroundings<'_>,
) -> Result<Gateway, ConfigError> {
    let separator = document.naming.separator.0;
    let mut upstreams = Vec::new();
    for (index, raw) in document.upstreams.0.into_iter().enumerate() {
        let upstream = upstream(&format!("upstreams[{index}]"), raw, &separator)?;
        distinct(&upstreams, &upstream)?;
        upstreams.push(upstream);
    }
    let listen = listen(&upstreams, document.listen.map(|name| name.0))?;
    let session_ttl = document.session.ttl;
    let (keys, key_source) = key_ring(document.session, surroundings)?;
    Ok(Gateway {
        path: document.path.0,
        server: Server {
            name: document.server.name.0,
            title: document.server.title,
            instructions: document.server.instructions,
        },
        upstreams,
        listen,
        separator,
        keys,
        key_source,
        session_ttl,
        origins: origins(document.origins),
        limits: Limits {
            request_body: document.limits.request_body,
            upstream_body: document.limits.upstream_body,
        },
    })
}

/// One upstream by itself.
fn upstream(path: &str, raw: raw::Upstream, separator: &str) -> Result<Upstream, ConfigError> {
    let name = raw.name.0;
    let joined_prefix = joined_prefix(path, &name, raw.prefix, separator)?;
    let cluster = raw.cluster.map_or_else(|| name.clone(), |cluster| cluster.0);
    let authority = match raw.authority {
        Some(authority) => authority.0,
        None if is_authority(&cluster) => cluster.clone(),
        None => {
            let found = format!("nothing, while the cluster {} is no host", quoted(&cluster));
            return Err(ConfigError::new(format!("{path}.authority"), found, AUTHORITY));
        }
    };
    let set_headers = raw.headers.set.0;
    Ok(Upstream {
        forward_headers: forwarded(path, raw.headers.forward.0, &set_headers)?,
        set_headers,
        tools: ToolFilter { allow: globs(raw.tools.allow), deny: globs(raw.tools.deny) },
        name,
        cluster,
        path: raw.path.0,
        authority,
        timeout: raw.timeout,
        call_timeout: raw.call_timeout,
        joined_prefix,
    })
}

fn joined_prefix(
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
    Ok(if prefix.is_empty() { prefix } else { prefix + separator })
}

/// Holds `upstream` against those before it: a name says which upstream is meant, and so does the
/// beginning of a tool's name.
fn distinct(earlier: &[Upstream], upstream: &Upstream) -> Result<(), ConfigError> {
    let index = earlier.len();
    let joined = &upstream.joined_prefix;
    for (other_index, other) in earlier.iter().enumerate() {
        if upstream.name == other.name {
            let found = format!("{}, the name of upstreams[{other_index}]", quoted(&other.name));
            return Err(ConfigError::new(
                format!("upstreams[{index}].name"),
                found,
                "a name of its own",
            ));
        }
        let path = format!("upstreams[{index}].prefix");
        let (names, other_names) = (quoted(joined), quoted(&other.joined_prefix));
        if *joined == other.joined_prefix {
            let found = format!("{names} before the names of {} and {}", other.name, upstream.name);
            return Err(ConfigError::new(path, found, "a prefix of its own for each upstream"));
        }
        let apart = joined.is_empty()
            || other.joined_prefix.is_empty()
            || !joined.starts_with(&other.joined_prefix)
                && !other.joined_prefix.starts_with(joined);
        if !apart {
            let found = format!(
                "{other_names} before the names of {} and {names} before those of {}",
                other.name, upstream.name
            );
            return Err(ConfigError::new(path, found, "prefixes of which none begins another"));
        }
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

fn globs<const MAX: usize>(patterns: Option<List<Pattern, 0, MAX>>) -> Option<Vec<glob::Pattern>> {
    patterns.map(|List(patterns)| patterns.into_iter().map(|pattern| pattern.0).collect())
}

/// Without a word of it the only upstream is listened to; of several, none is more right.
fn listen(upstreams: &[Upstream], name: Option<String>) -> Result<Option<usize>, ConfigError> {
    let Some(name) = name else {
        return Ok((upstreams.len() == 1).then_some(0));
    };
    let index = upstreams.iter().position(|upstream| upstream.name == name);
    index.map(Some).ok_or_else(|| {
        let names: Vec<_> = upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        ConfigError::new("listen", quoted(&name), format!("one of {}", names.join(", ")))
    })
}

fn origins(raw: raw::Origins) -> Origins {
    let listed: Vec<_> = raw.allow.0.into_iter().map(|origin| origin.0).collect();
    if listed.iter().any(|origin| origin == "*") { Origins::Any } else { Origins::Listed(listed) }
}
