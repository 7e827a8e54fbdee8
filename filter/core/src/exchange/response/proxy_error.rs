//! Answers that Envoy makes by itself, in place of an upstream's: 503 where nobody was reached, 504 where
//! nobody answered in time, 404 where no route leads to the upstream, 413 where the request is longer
//! than its buffer.

use crate::error::{ClientError, Error};
use crate::event::Source;
use crate::fault::Fault;
use crate::mcp::jsonrpc::Id;

/// How Envoy begins where it has sent a request, and the connection did not last until an answer.
const RESET: &[u8] = b"upstream connect error or disconnect/reset before headers";

/// How it goes on where the upstream has closed the connection, and not where none could be opened.
const CLOSED: [&str; 3] = ["connection termination", "remote reset", "remote refused stream reset"];

/// What befell the upstream that Envoy answers for; `said` are Envoy's words.
pub(crate) fn fault(source: Source, status: u16, said: impl Fn() -> String) -> Option<Fault> {
    match (source, status) {
        (Source::Upstream, _) => None,
        (Source::Proxy, 404) => Some(Fault::NoRoute),
        (Source::Proxy | Source::Overflow, status) => Some(Fault::Refused { status, said: said() }),
    }
}

/// What the client gets where Envoy could not hold its request.
pub(crate) fn overflow(source: Source, id: Option<&Id<'_>>) -> Option<Vec<u8>> {
    (source == Source::Overflow).then(|| Error::Client(ClientError::Overflow).body(id))
}

/// Whether Envoy says that the upstream closed the connection before it sent anything: it may have been
/// about to close it, as idle, when the request was sent.
pub(crate) fn is_closed_connection(status: u16, body: &[u8]) -> bool {
    if status != 503 || !body.starts_with(RESET) {
        return false;
    }
    let text = String::from_utf8_lossy(body.get(..300).unwrap_or(body));
    CLOSED.iter().any(|it| text.contains(it))
}
