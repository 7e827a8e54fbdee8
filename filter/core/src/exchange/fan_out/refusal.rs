//! An answer of an upstream that is no result: which fault it is, and whether the upstream still knows the
//! session that the request was sent in.

use std::borrow::Cow;

use crate::fault::Fault;
use crate::gateway::Upstream;
use crate::http::{Headers, MediaType};
use crate::json::{Members, Raw, decode};
use crate::mcp::error_code::UNSERVED_REVISION;
use crate::mcp::jsonrpc::{Message, ResultOrError};
use crate::mcp::revision::Revision;
use crate::sse;

mod session_words;

/// How much of an answer that is no JSON-RPC is quoted to the client, in bytes.
const QUOTED: usize = 200;

/// Codes of errors that are about what was asked for, not about the session: unknown method, wrong
/// arguments, unknown resource.
const ABOUT_THE_REQUEST: [i64; 3] = [-32601, -32602, -32002];

/// Codes with which servers refuse a request before they look at what it asks for.
const OF_THE_TRANSPORT: [i64; 3] = [-32000, -32001, -32600];

/// Whether an upstream knows the session that a request was sent in, by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// Nothing says that it does not.
    Known,
    /// The words may be about the session, or about something else of that name: a ping tells.
    Doubtful,
    /// It is gone, and the server did nothing but say so.
    Lost,
}

/// What the head of an answer says that may turn out to be a refusal.
#[derive(Clone, Debug)]
pub(crate) struct RefusalHead {
    pub(crate) status: u16,
    pub(crate) media_type: MediaType,
    /// Its `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
    /// The `Location` of a redirect.
    location: Option<String>,
    /// The `Content-Encoding` that nobody asked for.
    pub(crate) coding: Option<String>,
}

impl RefusalHead {
    pub(crate) fn read(headers: Headers<'_>) -> Self {
        let status = headers.status();
        let redirects = (300..400).contains(&status);
        Self {
            status,
            media_type: headers.media_type(),
            challenge: headers.text("www-authenticate"),
            location: if redirects { headers.text("location") } else { None },
            coding: headers
                .text("content-encoding")
                .filter(|it| !it.eq_ignore_ascii_case("identity")),
        }
    }

    /// What is wrong with an answer whose status is not 2xx, with what its body says, if that is short
    /// text.
    pub(crate) fn fault(&self, upstream: &Upstream, body: &[u8]) -> Fault {
        let status = self.status;
        if let Some(location) = &self.location {
            return Fault::Redirect { status, location: quote(location.as_bytes()) };
        }
        let said = self.said(body);
        let names_host = said.to_ascii_lowercase().contains("host");
        // The default authority is the cluster's name, which no server takes for its own.
        let silent = said.is_empty() && upstream.authority == upstream.cluster;
        let of_host = match status {
            421 => true,
            403 => self.challenge.is_none() && (names_host || silent),
            400 => names_host,
            _ => false,
        };
        let refused = Fault::Refused { status, said };
        if !of_host {
            return refused;
        }
        Fault::HostRefused { refusal: Box::new(refused), authority: upstream.authority.clone() }
    }

    /// The message that the body is, or carries as its first event.
    pub(crate) fn message<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        if self.media_type != MediaType::EventStream {
            return Cow::Borrowed(body);
        }
        let mut first = None;
        sse::Reader::new(body.len()).feed(body, &mut |event| {
            if event.is_message() && !event.data.is_empty() && first.is_none() {
                first = Some(event.data.to_vec());
            }
        });
        Cow::Owned(first.unwrap_or_default())
    }

    /// What the body says of the refusal, on one line: a JSON-RPC error, or the begin of a text.
    pub(crate) fn said(&self, body: &[u8]) -> String {
        if self.coding.is_some() {
            return String::new();
        }
        match self.rpc_error(body) {
            Some(error) => error.to_string(),
            None => quote_text(body),
        }
    }

    /// The JSON-RPC error that the body is, or carries as its first event.
    pub(crate) fn rpc_error(&self, body: &[u8]) -> Option<Fault> {
        match Message::read(&self.message(body)) {
            Ok(Message::Response { outcome: ResultOrError::Error(error), .. }) => {
                Some(rpc_error(error))
            }
            _ => None,
        }
    }

    /// Whether a request of the stateless era was refused by the transport of a server that knows none: with
    /// no error of that era, and before anything was done.
    pub(crate) fn wants_handshake(&self, body: &[u8]) -> bool {
        match self.rpc_error(body).map(|error| error.rpc_code()) {
            Some(Some(UNSERVED_REVISION)) => self.supports_handshake(body),
            Some(Some(code)) => {
                (400..500).contains(&self.status) && OF_THE_TRANSPORT.contains(&code)
            }
            Some(None) => false,
            None => matches!(self.status, 400 | 404 | 405 | 406 | 415),
        }
    }

    /// Whether the error says that its server has a revision with a handshake that the gateway speaks, too
    /// (2026-07-28, Versioning, `data.supported`).
    pub(crate) fn supports_handshake(&self, body: &[u8]) -> bool {
        let message = self.message(body);
        let Ok(Message::Response { outcome: ResultOrError::Error(error), .. }) =
            Message::read(&message)
        else {
            return false;
        };
        let data = Members::read(error).and_then(|error| error.find("data"));
        let supported = data.and_then(Members::read).and_then(|data| data.find("supported"));
        let mut found = false;
        let each = supported.map(|supported| {
            supported.scan().elements(|scan| {
                let revision = decode(scan.value()?.get());
                found |= revision.is_some_and(|it| Revision::of_upstream(it.as_bytes()).is_some());
                Ok(())
            })
        });
        each == Some(Ok(true)) && found
    }

    /// What the answer to a request with a session id says of that session. 404 is what the protocol
    /// says of one that is gone (2025-11-25, Transports, "Session Management"), unless it is that of an
    /// unknown method, name or resource. Others say it in words, and their codes tell how far these can
    /// be trusted: a tool's own error may be about sessions, too, and it may have acted.
    pub(crate) fn session_state(&self, body: &[u8]) -> SessionState {
        let status = self.status;
        let challenges = matches!(status, 401 | 403) && self.challenge.is_some();
        if status == 410 {
            return SessionState::Lost;
        }
        // Whoever asks for credentials has not looked at the session.
        if challenges || self.coding.is_some() {
            return SessionState::Known;
        }
        if let Some(Fault::RpcError { code, message }) = self.rpc_error(body) {
            let says_so = session_words::say_lost(&message);
            return match (status, code) {
                (_, Some(code)) if ABOUT_THE_REQUEST.contains(&code) => SessionState::Known,
                // The second has no sessions any more (2026-07-28, Versioning).
                (404, _) | (400..=499, Some(UNSERVED_REVISION)) => SessionState::Lost,
                (200..=299, Some(UNSERVED_REVISION)) => SessionState::Doubtful,
                (400 | 402 | 405..=499 | 503, Some(code)) if OF_THE_TRANSPORT.contains(&code) => {
                    if says_so || status == 400 && session_words::name_the_id(&message) {
                        SessionState::Lost
                    } else {
                        SessionState::Known
                    }
                }
                _ if says_so => SessionState::Doubtful,
                _ => SessionState::Known,
            };
        }
        let says_so = || session_words::say_lost(&self.said(body));
        match status {
            404 => SessionState::Lost,
            // A policy speaks in these, too.
            401 | 403 if says_so() => SessionState::Doubtful,
            400..=499 | 503 if says_so() => SessionState::Lost,
            // Servers refuse a session id that they do not know as any other bad request.
            400 => SessionState::Doubtful,
            _ => SessionState::Known,
        }
    }
}

/// Whether a status is one that carries an error of the protocol, so that the body may be given to
/// the client as it is; others are about the upstream, which the client has to be told.
pub(crate) fn is_protocol_status(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 422)
}

/// A JSON-RPC error, cut short.
pub(crate) fn rpc_error(error: Raw<'_>) -> Fault {
    let members = Members::read(error).unwrap_or_default();
    let code = members.find("code").and_then(|raw| raw.get().parse().ok());
    let message = members.find("message").and_then(|raw| decode(raw.get()));
    Fault::RpcError { code, message: quote(message.unwrap_or_default().as_bytes()) }
}

/// The begin of a body that is a text for people; nothing of a page of HTML, or of binary data.
fn quote_text(body: &[u8]) -> String {
    let begin = body.get(..QUOTED).unwrap_or(body).trim_ascii_start();
    let is_binary = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if begin.starts_with(b"<") || begin.iter().any(is_binary) {
        return String::new();
    }
    quote(body)
}

/// The first bytes of a text on one line.
fn quote(text: &[u8]) -> String {
    let head = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    let cut = if text.len() > QUOTED { "…" } else { "" };
    let line: String = head.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    format!("{}{cut}", line.trim().trim_end_matches('\u{fffd}'))
}
