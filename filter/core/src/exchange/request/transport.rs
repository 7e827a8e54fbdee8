//! What the head of a request alone decides: origins, media types, lengths.

use crate::error::ClientError;
use crate::exchange::upstream_request::ACCEPT_BOTH;
use crate::gateway::{Gateway, Origins};
use crate::http::{Headers, MediaType};

/// A browser sends the origin of the page; anything else does not (2025-11-25, Transports,
/// "Security Warning"). A page on this machine is as trusted as a program on it.
pub(crate) fn origin_passes(origins: &Origins, headers: Headers<'_>) -> bool {
    let Origins::Listed(listed) = origins else { return true };
    let known = |origin: &[u8]| {
        is_loopback(origin) || listed.iter().any(|it| origin.eq_ignore_ascii_case(it.as_bytes()))
    };
    headers.all("origin").all(known)
}

fn is_loopback(origin: &[u8]) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    let origin = origin.to_ascii_lowercase();
    let host = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
    let Some(host) = host else { return false };
    let port = |rest: &str| match rest.strip_prefix(':') {
        Some(port) => !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()),
        None => rest.is_empty(),
    };
    let loopback = ["localhost", "127.0.0.1", "[::1]"];
    loopback.iter().any(|name| host.strip_prefix(name).is_some_and(port))
}

/// What the head alone gives away (2025-11-25, Transports, "Sending Messages to the Server").
pub(crate) fn refusal(gateway: &Gateway, headers: Headers<'_>) -> Option<ClientError> {
    let limit = gateway.limits.request_body;
    let length = headers.announced();
    let plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
    if length.is_some_and(|length| usize::try_from(length).map_or(true, |it| it > limit)) {
        Some(ClientError::TooLarge(limit))
    } else if headers.media_type() != MediaType::Json {
        Some(ClientError::MediaType("`Content-Type` must be application/json"))
    } else if !headers.all("content-encoding").all(plain) {
        Some(ClientError::MediaType("`Content-Encoding` must be absent"))
    } else if !accepts_both(headers) {
        Some(ClientError::NotAcceptable("application/json and text/event-stream"))
    } else {
        None
    }
}

/// Clients write what the specification says, most of them letter by letter.
fn accepts_both(headers: Headers<'_>) -> bool {
    headers.first("accept") == Some(ACCEPT_BOTH.as_bytes())
        || headers.accepts("application", "json") && headers.accepts("text", "event-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_origins_are_told_from_lookalikes() {
        for origin in
            ["http://localhost", "https://LOCALHOST:6274", "http://127.0.0.1:1", "http://[::1]:80"]
        {
            assert!(is_loopback(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "null",
            "localhost",
            "http://localhost.evil.example",
            "http://localhostx",
            "http://localhost:",
            "http://localhost:80.evil.example",
            "http://127.0.0.1.evil.example",
            "ftp://localhost",
            "http://localhost:80/x",
        ] {
            assert!(!is_loopback(origin.as_bytes()), "{origin}");
        }
    }
}
