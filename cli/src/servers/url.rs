//! The URL of a server.

use reqwest::Url;

use super::Remote;

/// The longest path that the filter takes, in bytes.
const LONGEST_PATH: usize = 2048;

/// Reads a URL; `None` for the transport leaves that to its path.
///
/// # Errors
///
/// What is wrong, and what to write.
pub(super) fn read(text: &str, sse: Option<bool>) -> Result<Remote, String> {
    let url = Url::parse(text.trim()).map_err(|error| {
        format!(
            "{:?} is no URL ({error}): write one such as \"https://mcp.example/mcp\"",
            hidden(text)
        )
    })?;
    let tls = match url.scheme() {
        "https" => true,
        "http" => false,
        other => return Err(format!("the scheme {other:?} is not supported: write http or https")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        let instead = "write \"headers\": {\"Authorization\": \"Basic ...\"} instead";
        return Err(format!("a user and a password cannot be in the URL: {instead}"));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
    let sse = sse.unwrap_or_else(|| url.path().trim_end_matches('/').ends_with("/sse"));
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    if path.len() > LONGEST_PATH {
        return Err(format!("its path has {} bytes, expected at most {LONGEST_PATH}", path.len()));
    }
    Ok(Remote { sse, tls, host, port, path, headers: Vec::new() })
}

/// Without a query, which may have a secret.
fn hidden(text: &str) -> String {
    let shown = text.split('?').next().unwrap_or_default();
    shown.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, authority, path, sse) in [
            ("https://mcp.example", "mcp.example", "/", false),
            ("https://mcp.example:8443/a/mcp?key=1", "mcp.example:8443", "/a/mcp?key=1", false),
            ("http://127.0.0.1:3001/sse/", "127.0.0.1:3001", "/sse/", true),
            ("http://[::1]:80/mcp#x", "[::1]", "/mcp", false),
        ] {
            let remote = read(text, None).expect("a URL");
            assert_eq!((remote.authority(), remote.sse), (authority.to_owned(), sse), "{text}");
            assert_eq!((remote.path.as_str(), remote.tls), (path, text.starts_with("https")));
        }
        assert!(read("https://a/sse", Some(true)).expect("a URL").sse);
        assert!(!read("https://a/sse", Some(false)).expect("a URL").sse);
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_its_secrets() {
        for (text, words) in [
            ("mcp.example/mcp?key=secret", "no URL"),
            ("ws://mcp.example", "http or https"),
            ("https://me:secret@mcp.example", "Authorization"),
            (&format!("https://a/{}?secret", "x".repeat(2048)), "at most 2048"),
        ] {
            let refused = read(text, None).expect_err("refused");
            assert!(refused.contains(words) && !refused.contains("secret"), "{refused}");
        }
    }
}
