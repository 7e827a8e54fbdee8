//! What an upstream means that does not answer with a result.

use crate::fault::Fault;
use crate::http::MediaType;
use crate::json::{Members, Raw, decode};
use crate::mcp::jsonrpc::{Message, ResultOrError};

/// How much of an answer that is no JSON-RPC is quoted to the client, in bytes.
const QUOTED: usize = 200;

/// Whether an answer to a request with a session id means that the session is gone: 404 is what the
/// protocol says (2025-11-25, Transports, "Session Management"), unless it is that of an unknown
/// method, name or resource.
/// Several servers answer 400 and say in the error's message that the session is not valid; the
/// arguments of a tool may be about sessions too, so code and words have to be those of such servers.
pub(crate) fn lost_session(status: u16, body: &[u8]) -> bool {
    if !matches!(status, 400 | 404) {
        return false;
    }
    let said = match Message::read(body) {
        Ok(Message::Response { outcome: ResultOrError::Error(error), .. }) => {
            rpc_error(error).to_string()
        }
        _ => String::new(),
    };
    let coded = |codes: &[&str]| {
        codes.iter().any(|code| said.starts_with(&format!("JSON-RPC error {code}: ")))
    };
    let words = [
        "session id",
        "session not found",
        "invalid session",
        "unknown session",
        "not initialized",
    ];
    match status {
        404 => !coded(&["-32601", "-32602", "-32002"]),
        400 if coded(&["-32000", "-32001", "-32600"]) => {
            words.iter().any(|words| said.to_ascii_lowercase().contains(words))
        }
        _ => false,
    }
}

/// Whether a status is one that carries an error of the protocol, so that the body may be given to
/// the client as it is; others are about the upstream, which the client has to be told.
pub(crate) fn is_protocol_status(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404 | 422)
}

/// What an HTTP status other than 2xx means, with what its body says, if that is short text.
pub(crate) fn refusal(status: u16, media_type: MediaType, body: &[u8]) -> Fault {
    let said = match media_type {
        MediaType::Json => match Message::read(body) {
            Ok(Message::Response { outcome: ResultOrError::Error(error), .. }) => {
                rpc_error(error).to_string()
            }
            _ => String::new(),
        },
        MediaType::Plain => quote(body),
        MediaType::EventStream | MediaType::Other => String::new(),
    };
    Fault::Refused { status, said }
}

/// A JSON-RPC error, cut short.
pub(crate) fn rpc_error(error: Raw<'_>) -> Fault {
    let members = Members::read(error).unwrap_or_default();
    let code = members.find("code").and_then(|raw| raw.get().parse().ok());
    let message = members.find("message").and_then(|raw| decode(raw.get()));
    Fault::RpcError { code, message: quote(message.unwrap_or_default().as_bytes()) }
}

/// The first bytes of a text on one line.
fn quote(text: &[u8]) -> String {
    let head = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    let cut = if text.len() > QUOTED { "…" } else { "" };
    let line: String = head.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    format!("{}{cut}", line.trim().trim_end_matches('\u{fffd}'))
}
