//! What is of HTTP: a client, headers, and why there is no answer.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// Why there is no result.
#[derive(Debug)]
pub(super) enum NoResult {
    /// JSON-RPC: the code, and the message.
    Refused(i64, String),
    /// HTTP: the status.
    Status(StatusCode),
    /// Something else.
    Other(String),
}

impl std::fmt::Display for NoResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(code, message) => {
                write!(f, "it refuses with {code}: {}", one_line(message))
            }
            Self::Status(status) => write!(f, "it answers {status}{}", hint(*status)),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// What to do about a status.
fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => ": give it the credentials that it wants, in a header",
        404 | 405 => ": check the path of the URL",
        421 => ": it does not know its host by this name",
        _ => "",
    }
}

/// Makes headers of `Name: value` lines.
///
/// # Errors
///
/// A line that is none, without its value.
pub fn headers<'h>(
    lines: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let wrong = || format!("the header {name:?} is none: write \"Name: value\"");
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

pub(super) fn http(timeout: Duration) -> Result<reqwest::Client, String> {
    // The first provider stays; it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("mcp-mux/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        // As Envoy does it.
        .no_proxy()
        .build();
    client.map_err(|error| chain(&error))
}

/// Whether a server of the HTTP+SSE transport is there (2024-11-05): it opens an event stream. Returns its revision.
///
/// # Errors
///
/// One line that says why there is none.
pub async fn event_stream(
    url: &str,
    headers: HeaderMap,
    timeout: Duration,
) -> Result<&'static str, String> {
    let request = http(timeout)?.get(url).headers(headers).header(ACCEPT, "text/event-stream");
    let response = request.send().await.map_err(|error| chain(&error))?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let streams = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    match response.status() {
        status if !status.is_success() => Err(NoResult::Status(status).to_string()),
        _ if streams => Ok("2024-11-05"),
        _ => Err("it opens no event stream: check the path of the URL, and its type".to_owned()),
    }
}

/// The first cause says most: `Connection refused`, `invalid peer certificate`.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = one_line(&last.to_string());
    if text.contains("operation timed out") || text.contains("deadline") {
        return "it does not answer in time".to_owned();
    }
    if text.contains("certificate") {
        return format!("{text}: SSL_CERT_FILE names the certificates to trust");
    }
    text
}

/// The first 200 characters, on one line.
fn one_line(text: &str) -> String {
    let text: String = text.chars().take(200).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
