//! URIs of resources towards clients: the owner's prefix, then the original, to its last byte.
//!
//! `demo://x` of the upstream `everything` becomes `everything+demo://x`, a template likewise with its
//! `{}` untouched. `ui://x`, which clients know by its scheme (MCP Apps), becomes `ui://everything/x`.
//! Schemes and hosts compare without regard to case, since clients may normalize them (RFC 3986,
//! 6.2.2.1).

use std::borrow::Cow;

use crate::gateway::{Gateway, Upstream, UpstreamId};
use crate::json::{decode, encode};

const UI: &str = "ui://";

/// The upstream that owns a URI and what it calls it; `None` where no prefix fits.
#[must_use]
pub(crate) fn owner<'u>(gateway: &Gateway, uri: &'u str) -> Option<(UpstreamId, Cow<'u, str>)> {
    let mut unprefixed = None;
    for (index, upstream) in gateway.upstreams.iter() {
        if upstream.uri_scheme.is_empty() {
            unprefixed = Some((index, Cow::Borrowed(uri)));
        } else if let Some(own) = own(upstream, uri) {
            return Some((index, own));
        }
    }
    unprefixed
}

fn own<'u>(upstream: &Upstream, uri: &'u str) -> Option<Cow<'u, str>> {
    if let Some(own) = strip(uri, &upstream.uri_scheme) {
        return Some(Cow::Borrowed(own));
    }
    let (scheme, path) = ui(uri)?;
    let path = strip(path, host(upstream))?.strip_prefix('/')?;
    Some(Cow::Owned(format!("{scheme}{path}")))
}

/// `ui://`, as it is written, and what follows.
fn ui(uri: &str) -> Option<(&str, &str)> {
    uri.split_at_checked(UI.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(UI))
}

/// What stands for the upstream behind `ui://`.
fn host(upstream: &Upstream) -> &str {
    upstream.uri_scheme.strip_suffix('+').unwrap_or_default()
}

/// What follows `prefix`, in whatever case that is.
fn strip<'u>(uri: &'u str, prefix: &str) -> Option<&'u str> {
    let (head, tail) = uri.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// Whether a client that is shown `uri` of `upstream` by [`show`] reaches it: without a prefix, a URI
/// can look like another upstream's.
#[must_use]
pub(crate) fn reaches(gateway: &Gateway, upstream: UpstreamId, uri: &str) -> bool {
    let prefixed = !gateway.upstream(upstream).uri_scheme.is_empty();
    prefixed || owner(gateway, uri).is_some_and(|(owner, _)| owner == upstream)
}

/// The raw JSON string `raw`, a URI or a template of `upstream`, as clients see it; what follows the
/// prefix keeps its bytes. `None` where it stays as it is: it is no string, or there is no prefix.
#[must_use]
pub(crate) fn show(upstream: &Upstream, raw: &str) -> Option<String> {
    let text = decode(raw)?;
    if upstream.uri_scheme.is_empty() {
        return None;
    }
    let host = host(upstream);
    let inner = raw.strip_prefix('"')?;
    Some(match (ui(inner), ui(&text)) {
        (Some((scheme, path)), _) => format!("\"{scheme}{host}/{path}"),
        // `ui://` is written with escapes.
        (None, Some((scheme, path))) => encode(&format!("{scheme}{host}/{path}")),
        (None, None) => format!("\"{}{inner}", upstream.uri_scheme),
    })
}

/// A URI or a template of `upstream`, as clients see it.
#[must_use]
pub(crate) fn shown<'o>(upstream: &Upstream, own: &'o str) -> Cow<'o, str> {
    match ui(own) {
        _ if upstream.uri_scheme.is_empty() => Cow::Borrowed(own),
        Some((scheme, path)) => Cow::Owned(format!("{scheme}{}/{path}", host(upstream))),
        None => Cow::Owned(format!("{}{own}", upstream.uri_scheme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn three() -> Gateway {
        fixture::gateway(
            r#"{"upstreams":[{"name":"a"},{"name":"b","prefix":"My_B"},{"name":"c","prefix":""}]}"#,
        )
    }

    #[test]
    fn a_uri_that_is_shown_is_owned_and_comes_back() {
        let gateway = three();
        for uri in [
            "demo://x/y?z#f",
            "file:///etc/passwd",
            "https://example.com/a+b",
            "mailto:a@b",
            "no-scheme",
            "",
            "ui://app/index.html",
            "ui://a/x",
            "UI://App",
            "ui:",
            "a+demo://x",
            "my-b+x:",
            "test://{id}/{+path}{?q*}",
            "ui://{x}",
            "\u{e9}://\u{1F980}",
        ] {
            for (index, upstream) in gateway.upstreams.iter() {
                let raw = encode(uri);
                let shown = show(upstream, &raw);
                assert_eq!(shown.is_none(), index.index() == 2, "{uri}");
                if !reaches(&gateway, index, uri) {
                    assert!(["ui://a/x", "a+demo://x", "my-b+x:"].contains(&uri), "{uri}");
                    continue;
                }
                let shown = shown.unwrap_or(raw);
                let shown = decode(&shown).unwrap();
                assert_eq!(shown, super::shown(upstream, uri));
                let found = owner(&gateway, &shown).map(|(at, own)| (at, own.into_owned()));
                assert_eq!(found, Some((index, uri.to_owned())), "{shown}");
            }
        }
    }

    #[test]
    fn it_looks_as_documented_and_keeps_its_escapes() {
        let gateway = three();
        for (raw, shown) in [
            (r#""demo:\/\/x\u0041""#, r#""my-b+demo:\/\/x\u0041""#),
            (r#""ui://x\u0041""#, r#""ui://my-b/x\u0041""#),
            (r#""ui:\/\/x""#, r#""ui://my-b/x""#),
        ] {
            assert_eq!(show(gateway.upstream(UpstreamId::at(1)), raw).as_deref(), Some(shown));
        }
        assert_eq!(show(fixture::first(&gateway), "1"), None);
        assert_eq!(show(fixture::first(&gateway), r#""\ud800""#), None);
    }

    #[test]
    fn case_does_not_matter_and_strangers_have_no_owner() {
        let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}]}"#);
        for uri in ["A+demo://X", "UI://A/X"] {
            assert_eq!(
                owner(&gateway, uri).map(|(index, _)| index),
                Some(UpstreamId::at(0)),
                "{uri}"
            );
        }
        for uri in ["demo://x", "c+demo://x", "a", "ui://c/x", "ui://a", "ui://ab/x", ""] {
            assert_eq!(owner(&gateway, uri), None, "{uri}");
        }
    }
}
