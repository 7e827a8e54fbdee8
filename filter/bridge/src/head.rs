//! The heads of requests: what the gateway's says, and those for the server.

/// What a request of Streamable HTTP says of its session.
const SESSION_ID: &str = "mcp-session-id";

/// The value of a header; the first one if there are several.
fn value<'h>(headers: &'h [(String, Vec<u8>)], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}

fn text<'h>(headers: &'h [(String, Vec<u8>)], name: &str) -> &'h str {
    value(headers, name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
}

/// The session that a request is in.
pub(crate) fn session(headers: &[(String, Vec<u8>)]) -> Option<&str> {
    value(headers, SESSION_ID).map(|id| std::str::from_utf8(id).unwrap_or_default())
}

/// `POST`, `GET` or `DELETE`.
pub(crate) fn method(headers: &[(String, Vec<u8>)]) -> &str {
    text(headers, ":method")
}

/// Where the server is.
pub(crate) fn authority(headers: &[(String, Vec<u8>)]) -> &str {
    text(headers, ":authority")
}

/// The path of the server's event stream.
pub(crate) fn path(headers: &[(String, Vec<u8>)]) -> &str {
    text(headers, ":path")
}

/// The head of a session's answer to `initialize`.
pub(crate) fn opened(session: &str) -> Vec<(&'static str, Vec<u8>)> {
    let kind = ("content-type", b"application/json".to_vec());
    vec![kind, (SESSION_ID, session.as_bytes().to_vec())]
}

/// Whether a header is of one request or hop alone, or of a transport that the server does not know.
fn stays(name: &str) -> bool {
    name.starts_with(':')
        || name.starts_with("mcp-")
        || name.starts_with("x-envoy-")
        || matches!(
            name,
            "accept"
                | "accept-encoding"
                | "connection"
                | "content-length"
                | "content-type"
                | "expect"
                | "host"
                | "keep-alive"
                | "last-event-id"
                | "te"
                | "transfer-encoding"
                | "upgrade"
                | "x-mcp-cluster"
        )
}

/// The head of a request to the server, made for one of the gateway.
fn request(
    headers: &[(String, Vec<u8>)],
    first: [(&str, &str); 4],
    last: Option<(&str, &str)>,
) -> Vec<(String, Vec<u8>)> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
    let encoding = ("accept-encoding", "identity");
    let mut out: Vec<_> = first.into_iter().chain([encoding]).chain(last).map(own).collect();
    out.extend(headers.iter().filter(|(name, _)| !stays(name)).cloned());
    out
}

/// The GET that is a session.
pub(crate) fn get(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let [path, authority] = [":path", ":authority"].map(|name| (name, text(headers, name)));
    request(headers, [(":method", "GET"), path, authority, ("accept", "text/event-stream")], None)
}

/// The POST of a message.
pub(crate) fn post(headers: &[(String, Vec<u8>)], path: &str) -> Vec<(String, Vec<u8>)> {
    let authority = (":authority", text(headers, ":authority"));
    request(
        headers,
        [(":method", "POST"), (":path", path), authority, ("accept", "*/*")],
        Some(("content-type", "application/json")),
    )
}
