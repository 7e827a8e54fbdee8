//! What clients are told of how to authenticate (RFC 9728; 2025-11-25 and 2026-07-28, Authorization).
//!
//! The gateway checks no token, that is Envoy's part. It says where tokens come from: in the metadata of the protected
//! resource, and in the challenge of a refusal, whoever made it.

use super::Gateway;
use crate::http::Headers;
use crate::json::encode;

/// Where the metadata of a protected resource stands (RFC 9728, section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The name of the header that challenges, in lower case.
pub const CHALLENGE: &str = "www-authenticate";

/// The endpoint as OAuth's protected resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Its URL, as clients know it.
    pub resource: String,
    /// The issuers of tokens for it; at least one.
    pub authorization_servers: Vec<String>,
    /// The scopes that clients ask for; may be empty.
    pub scopes: Vec<String>,
}

impl Auth {
    /// The metadata, as JSON (RFC 9728, section 2).
    #[must_use]
    pub fn metadata(&self) -> String {
        let list =
            |texts: &[String]| texts.iter().map(|text| encode(text)).collect::<Vec<_>>().join(",");
        let scopes = match list(&self.scopes) {
            scopes if scopes.is_empty() => scopes,
            scopes => format!(r#","scopes_supported":[{scopes}]"#),
        };
        format!(
            r#"{{"resource":{},"authorization_servers":[{}]{scopes},"bearer_methods_supported":["header"]}}"#,
            encode(&self.resource),
            list(&self.authorization_servers),
        )
    }

    /// Where the metadata is, as a URL: between the host and the path of the resource (RFC 9728, section 3.1).
    #[must_use]
    pub fn metadata_url(&self) -> String {
        let (origin, path) = split(&self.resource);
        format!("{origin}{WELL_KNOWN}{path}")
    }

    /// The challenge of a refusal with this status, whose own challenge was `given`; `None` if it is to stay as it is
    /// (RFC 6750, section 3; RFC 9728, section 5.1).
    #[must_use]
    pub fn challenge(&self, status: u16, given: Option<&[u8]>) -> Option<String> {
        let given = given.map(String::from_utf8_lossy).unwrap_or_default();
        let is_bearer = given.get(..6).is_none_or(|scheme| scheme.eq_ignore_ascii_case("bearer"));
        let error = match status {
            401 if given.contains(r#"error="invalid_token""#) => r#"error="invalid_token", "#,
            401 => "",
            403 => r#"error="insufficient_scope", "#,
            _ => return None,
        };
        let scope = match self.scopes.join(" ") {
            scopes if scopes.is_empty() => scopes,
            scopes => format!(r#", scope="{scopes}""#),
        };
        let url = self.metadata_url();
        is_bearer.then(|| format!(r#"Bearer {error}resource_metadata="{url}"{scope}"#))
    }

    /// Whether the metadata is at this path: for the host as a whole, or for the endpoint.
    fn is_at(&self, path: &[u8], endpoint: &str) -> bool {
        let Some(rest) = path.strip_prefix(WELL_KNOWN.as_bytes()) else { return false };
        let (_, own) = split(&self.resource);
        rest.is_empty() || rest == own.as_bytes() || rest == endpoint.as_bytes()
    }
}

/// The origin and the path of a URL; the path is empty or begins with `/`, and is not `/` alone.
fn split(url: &str) -> (&str, &str) {
    let after = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(after..).and_then(|rest| rest.find('/')).map(|at| after + at);
    let (origin, path) = path.and_then(|at| url.split_at_checked(at)).unwrap_or((url, ""));
    (origin, if path == "/" { "" } else { path })
}

impl Gateway {
    /// What is told of how to authenticate, if this is the path where it is told.
    pub(crate) fn auth_at(&self, path: &[u8]) -> Option<&Auth> {
        self.auth.as_ref().filter(|auth| auth.is_at(path, &self.path))
    }

    /// The challenge that an answer of Envoy's own gets, which refuses a request to the endpoint before the gateway has
    /// seen it; `None` if it is to stay as it is.
    #[must_use]
    pub fn challenge(&self, request: Headers<'_>, answer: Headers<'_>) -> Option<String> {
        let path = request.first(":path").unwrap_or_default();
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let auth = self.auth.as_ref().filter(|_| path == self.path.as_bytes())?;
        auth.challenge(answer.status(), answer.first(CHALLENGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(resource: &str, scopes: &[&str]) -> Auth {
        Auth {
            resource: resource.to_owned(),
            authorization_servers: vec!["https://as.example".to_owned()],
            scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn the_metadata_is_between_the_host_and_the_path() {
        for (resource, url, paths) in [
            (
                "https://a.example/mcp",
                "https://a.example/.well-known/oauth-protected-resource/mcp",
                &["", "/mcp"][..],
            ),
            (
                "http://127.0.0.1:8080/x/y",
                "http://127.0.0.1:8080/.well-known/oauth-protected-resource/x/y",
                &["", "/x/y", "/mcp"],
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/oauth-protected-resource",
                &["", "/mcp"],
            ),
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-protected-resource",
                &["", "/mcp"],
            ),
        ] {
            let auth = auth(resource, &[]);
            assert_eq!(auth.metadata_url(), url);
            for path in paths {
                assert!(auth.is_at(format!("{WELL_KNOWN}{path}").as_bytes(), "/mcp"), "{path}");
            }
            for path in
                ["/mcp", "/.well-known/oauth-protected-resource/other", "/.well-known/oauth"]
            {
                assert!(!auth.is_at(path.as_bytes(), "/mcp"), "{path}");
            }
        }
    }

    #[test]
    fn refusals_on_other_paths_are_not_the_gateways() {
        let gateway = crate::fixture::gateway(
            r#"{"upstreams":[],"auth":{"resource":"https://a.example/mcp","authorization_servers":["https://as.example"]}}"#,
        );
        for (path, is_challenged) in
            [("/mcp", true), ("/mcp?x", true), ("/other", false), ("/mcp/x", false), ("", false)]
        {
            let request = [(&b":path"[..], path.as_bytes())];
            let answer = [(&b":status"[..], &b"401"[..])];
            let challenge = gateway.challenge(Headers(&request), Headers(&answer));
            assert_eq!(challenge.is_some(), is_challenged, "{path}");
        }
    }

    #[test]
    fn the_metadata_says_what_is_configured() {
        assert_eq!(
            auth("https://a.example/mcp", &["a", "b"]).metadata(),
            r#"{"resource":"https://a.example/mcp","authorization_servers":["https://as.example"],"scopes_supported":["a","b"],"bearer_methods_supported":["header"]}"#
        );
        assert!(!auth("https://a.example/mcp", &[]).metadata().contains("scopes"));
    }

    #[test]
    fn a_refusal_says_where_the_metadata_is() {
        let auth = auth("https://a.example/mcp", &["a", "b"]);
        let url =
            r#"resource_metadata="https://a.example/.well-known/oauth-protected-resource/mcp""#;
        for (status, given, error) in [
            (401, None, ""),
            (401, Some(r#"Bearer realm="x""#), ""),
            (401, Some(r#"bearer realm="x", error="invalid_token""#), r#"error="invalid_token", "#),
            (403, None, r#"error="insufficient_scope", "#),
        ] {
            assert_eq!(
                auth.challenge(status, given.map(str::as_bytes)),
                Some(format!(r#"Bearer {error}{url}, scope="a b""#))
            );
        }
        assert_eq!(auth.challenge(401, Some(b"Basic realm=\"x\"")), None);
        assert_eq!(auth.challenge(200, None), None);
        assert_eq!(auth.challenge(500, Some(b"\xff\xfe")), None);
    }
}
