//! Where messages are posted to: what a server says in its `endpoint` event (2024-11-05, Transports, "HTTP with
//! SSE"), a URI reference (RFC 3986, section 4.1).

/// The longest one, in bytes.
const LONGEST: usize = 8 * 1024;

/// The path and query that a reference leads to, from the path of the GET at this authority.
///
/// # Errors
///
/// What is wrong with it. One that leads to another authority is refused: what the gateway knows of the
/// server, its credentials among that, is for the server alone. Whether it is `http` or `https` says nothing:
/// TLS is Envoy's.
pub(crate) fn resolve(reference: &[u8], authority: &str, base: &str) -> Result<String, String> {
    let text = std::str::from_utf8(reference).map(str::trim).unwrap_or_default();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > LONGEST || !plain {
        return Err("names no URI as its endpoint".to_owned());
    }
    let text = text.split('#').next().unwrap_or_default();
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let after =
        |scheme: &str| lower.starts_with(scheme).then(|| text.get(scheme.len()..)).flatten();
    let (default_port, absolute) = if let Some(rest) = after("http://") {
        (":80", Some(rest))
    } else if let Some(rest) = after("https://") {
        (":443", Some(rest))
    } else {
        ("", after("//"))
    };
    if let Some(rest) = absolute {
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(split);
        let without_port = |host: &str| {
            let host = host.to_ascii_lowercase();
            host.strip_suffix(default_port).map_or(host.clone(), str::to_owned)
        };
        if without_port(host) != without_port(authority) {
            return Err(format!(
                "has its endpoint at another origin, {host}, and is at {authority} itself"
            ));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        return Ok(without_dots(&format!("{slash}{path}")));
    }
    if has_scheme(text) {
        return Err("has its endpoint at another origin, of another scheme than http".to_owned());
    }
    let base = base.split('?').next().unwrap_or_default();
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(without_dots(&match text.chars().next() {
        Some('/') => text.to_owned(),
        Some('?') => format!("{base}{text}"),
        _ => format!("{folder}/{text}"),
    }))
}

/// RFC 3986, section 3.1.
fn has_scheme(text: &str) -> bool {
    let end = text.find([':', '/', '?']).filter(|at| text.as_bytes().get(*at) == Some(&b':'));
    end.and_then(|end| text.get(..end)).is_some_and(|scheme| {
        let mut bytes = scheme.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// RFC 3986, section 5.2.4.
fn without_dots(path: &str) -> String {
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let mut out: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(out.pop()),
            _ => out.push(segment),
        }
        if is_last && matches!(segment, "." | "..") {
            out.push("");
        }
    }
    format!("/{}{query}", out.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(reference: &str) -> Result<String, String> {
        resolve(reference.as_bytes(), "server.test:8000", "/x/sse?a=b")
    }

    #[test]
    fn references_lead_to_paths() {
        for (reference, path) in [
            ("/messages?sessionId=1", "/messages?sessionId=1"),
            (" /messages/?session_id=1\n", "/messages/?session_id=1"),
            ("messages?s=a:b", "/x/messages?s=a:b"),
            ("?s=1", "/x/sse?s=1"),
            ("../m", "/m"),
            ("./m#f", "/x/m"),
            ("/a/../b/.", "/b/"),
            ("http://server.test:8000/m?s", "/m?s"),
            ("HTTPS://SERVER.test:8000", "/"),
            ("http://server.test:8000?s", "/?s"),
            ("//server.test:8000/m", "/m"),
        ] {
            assert_eq!(at(reference).as_deref(), Ok(path), "{reference}");
        }
        assert_eq!(resolve(b"https://a:443/m", "a", "/sse").as_deref(), Ok("/m"));
        assert_eq!(resolve(b"http://a/m", "a:80", "/sse").as_deref(), Ok("/m"));
    }

    #[test]
    fn other_origins_and_what_is_no_reference_are_refused() {
        for reference in [
            "http://other.test/m",
            "http://server.test/m",
            "http://server.test:80001/m",
            "http://server.test:8000@other.test/m",
            "http://user@server.test:8000/m",
            "http:///m",
            "//other.test/m",
            "https://server.test:443/m",
            "ftp://server.test:8000/m",
            "javascript:x",
            "",
            "/a b",
            "/ü",
            "/a\r\nx: y",
        ] {
            assert!(at(reference).is_err(), "{reference}");
        }
        assert!(at(&format!("/{}", "x".repeat(LONGEST))).is_err());
        assert!(resolve(b"/\xff", "a", "/sse").is_err());
        assert!(resolve(b"http://a:443/m", "a", "/sse").is_err());
    }
}
