//! What a scripted upstream answers: whole, in steps, or with one of the ways to misbehave.

use std::time::Duration;

use tokio::sync::watch;

use crate::seen::Seen;
use crate::{sse, talker};

/// The answer to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status, headers and a body.
    Reply {
        /// The HTTP status.
        status: u16,
        /// The headers, besides the framing.
        headers: Vec<(String, String)>,
        /// One step with everything goes out with a content-length, anything else chunked.
        body: Vec<Step>,
    },
    /// Takes the request and never answers; the connection stays open.
    Hang,
    /// Ends the connection with an RST instead of an answer.
    Reset,
}

/// A piece of a body.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes, as one chunk.
    Send(Vec<u8>),
    /// Waits until the test opens the gate.
    Until(Gate),
    /// Lets time pass, for answers that are slow by nature.
    Pause(Duration),
    /// Sends what a talker says, until that ends its streams.
    Talk(talker::Stream),
    /// Ends the connection with an RST in the middle of the body.
    Reset,
}

impl Answer {
    /// An answer of this status and type.
    #[must_use]
    pub fn whole(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::steps(status, content_type, vec![Step::Send(body.into())])
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::whole(200, "application/json", body)
    }

    /// 200 with a JSON-RPC result for the request.
    #[must_use]
    pub fn result(seen: &Seen, result: &str) -> Self {
        Self::json(response(seen, result))
    }

    /// 200 with a JSON-RPC error for the request.
    #[must_use]
    pub fn error(seen: &Seen, error: &str) -> Self {
        Self::json(format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id()))
    }

    /// 200 with this message in each of the ways in which it may come: as JSON or as an event, whole
    /// or in pieces of so many bytes.
    #[must_use]
    pub fn forms(message: &str, piece: usize) -> [Self; 4] {
        let event = sse::message(message);
        let pieces = |text: &str| {
            let pieces = text.as_bytes().chunks(piece);
            pieces.map(|piece| Step::Send(piece.to_vec())).collect()
        };
        [
            Self::json(message),
            Self::steps(200, "application/json", pieces(message)),
            Self::sse(event.as_str()),
            Self::sse_steps(pieces(&event)),
        ]
    }

    /// 200 with an event stream.
    #[must_use]
    pub fn sse(stream: impl Into<Vec<u8>>) -> Self {
        Self::whole(200, "text/event-stream", stream)
    }

    /// 200 with an event stream that holds a JSON-RPC result for the request.
    #[must_use]
    pub fn sse_result(seen: &Seen, result: &str) -> Self {
        Self::sse(sse::message(&response(seen, result)))
    }

    /// An answer that comes in steps.
    #[must_use]
    pub fn steps(status: u16, content_type: &str, body: Vec<Step>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self::Reply { status, headers, body }
    }

    /// 200 with an event stream that comes in steps.
    #[must_use]
    pub fn sse_steps(body: Vec<Step>) -> Self {
        Self::steps(200, "text/event-stream", body)
    }

    /// 202 without a body.
    #[must_use]
    pub fn accepted() -> Self {
        Self::Reply { status: 202, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

impl Step {
    /// Sends text.
    #[must_use]
    pub fn send(text: impl Into<String>) -> Self {
        Self::Send(text.into().into_bytes())
    }

    /// Sends each byte as a chunk of its own.
    #[must_use]
    pub fn byte_by_byte(text: &str) -> Vec<Self> {
        text.bytes().map(|byte| Self::Send(vec![byte])).collect()
    }
}

/// The JSON-RPC response with this result for the request.
#[must_use]
pub fn response(seen: &Seen, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id())
}

/// Holds an answer back until the test has seen what came before. Once open, it stays open.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Returns when the gate is open.
    pub async fn passed(&self) {
        let mut state = self.0.subscribe();
        state.wait_for(|open| *open).await.expect("the gate holds its own sender");
    }
}
