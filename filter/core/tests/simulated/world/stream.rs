//! Event streams as servers write them, and as the client must get them: made the naive way, from the
//! whole stream, by lines.

use super::{Chance, Marking};

/// A request of a server's own among the noise of [`super::event_stream`].
pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// An answer to another request, likewise.
pub(crate) const STRAY: &str = r#"{"jsonrpc":"2.0","id":"other","result":{"wrong":2}}"#;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A stream, cut where a client has taken in all that came before.
pub(crate) struct Pieces {
    /// Events, each with its blank line, and comments between them.
    pub(crate) whole: Vec<Vec<u8>>,
    /// What breaks off behind them.
    pub(crate) rest: Vec<u8>,
}

impl Pieces {
    pub(crate) fn of(stream: &[u8]) -> Self {
        let mut pieces = Self { whole: Vec::new(), rest: Vec::new() };
        for line in lines(stream) {
            let mark = pieces.whole.is_empty() && pieces.rest.is_empty();
            let text = if mark { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
            let between = pieces.rest.is_empty();
            pieces.rest.extend_from_slice(line);
            let (bare, ended) = without_end(text);
            if ended && (bare.is_empty() || between && bare.starts_with(b":")) {
                pieces.whole.push(std::mem::take(&mut pieces.rest));
            }
        }
        pieces
    }

    /// All that is whole, as it came.
    pub(crate) fn untouched(&self) -> Vec<u8> {
        self.whole.concat()
    }

    /// All that is whole, with these marks.
    pub(crate) fn marked(&self, marking: &Marking) -> Vec<u8> {
        let whole = self.untouched();
        // Only the stream itself begins with one.
        let (mark, stream) = match whole.strip_prefix(BYTE_ORDER_MARK) {
            Some(stream) => (BYTE_ORDER_MARK, stream),
            None => (&[][..], &whole[..]),
        };
        [mark, &marked(stream, marking)].concat()
    }

    /// Whether a client may ask for what follows.
    pub(crate) fn resumable(&self) -> bool {
        let marking = Marking { event: " ".to_owned(), ping: "1".to_owned() };
        self.marked(&marking).len() > without_strays(&self.untouched()).len()
    }
}

/// A whole stream with these marks; what breaks off at its end stays as it is.
pub(crate) fn marked_stream(stream: &[u8], marking: &Marking) -> Vec<u8> {
    let pieces = Pieces::of(stream);
    [pieces.marked(marking), pieces.rest].concat()
}

/// Every id and every ping of a server, as they must reach the client.
fn marked(stream: &[u8], marking: &Marking) -> Vec<u8> {
    let stream = without_strays(&marked_pings(stream, &marking.ping));
    let mut out = Vec::new();
    for line in lines(&stream) {
        let (bare, _) = without_end(line);
        let value = bare.strip_prefix(b"id:").map(|it| it.strip_prefix(b" ").unwrap_or(it));
        match value.filter(|value| !value.is_empty() && !value.contains(&0)) {
            Some(value) => {
                let (name, end) = (bare.len() - value.len(), &line[bare.len()..]);
                out.extend_from_slice(&line[..name]);
                out.extend_from_slice(marking.event.as_bytes());
                out.extend_from_slice(value);
                out.extend_from_slice(end);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// The answer to another request that may be among the events is emptied.
fn without_strays(stream: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(stream) {
        Ok(text) => text.replace(STRAY, "").into_bytes(),
        Err(_) => stream.to_vec(),
    }
}

fn marked_pings(stream: &[u8], id: &str) -> Vec<u8> {
    let ping = format!("data: {PING}");
    match std::str::from_utf8(stream) {
        Ok(text) if text.contains(&ping) => {
            let marked = ping.replace("\"id\":1", &format!(r#""id":{id}"#));
            text.replace(&ping, &marked).into_bytes()
        }
        _ => stream.to_vec(),
    }
}

/// The lines, each with its end; the last one may have none.
fn lines(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|it| matches!(it, b'\r' | b'\n'));
        let end =
            end.map_or(
                bytes.len(),
                |at| {
                    if bytes[at..].starts_with(b"\r\n") { at + 2 } else { at + 1 }
                },
            );
        let (line, rest) = bytes.split_at(end);
        lines.push(line);
        bytes = rest;
    }
    lines
}

fn without_end(line: &[u8]) -> (&[u8], bool) {
    let bare = line.strip_suffix(b"\n").unwrap_or(line);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    (bare, bare.len() < line.len())
}

/// An event for each of the messages.
pub(crate) fn events(messages: &[String]) -> String {
    let events: Vec<String> = messages.iter().map(|it| format!("data: {it}\n\n")).collect();
    events.concat()
}

/// A stream that carries `message` among all that a stream may carry, with any line ends.
pub(crate) fn event_stream(chance: &mut Chance, message: &str) -> Vec<u8> {
    let end = chance.pick(&["\n", "\r\n", "\r"]);
    let mut stream = String::from(chance.pick(&["", "", "\u{feff}"]));
    let around = |chance: &mut Chance| -> &str {
        chance.pick(&[
            ": a comment\n\n",
            "id: 7\ndata: \n\n",
            "id: 8\nretry: 1000\ndata:\n\n",
            "event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"wrong\":1}}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"id\":\"other\",\"result\":{\"wrong\":2}}\n\n",
            "data: not JSON\n\n",
        ])
    };
    for _ in 0..chance.below(4) {
        stream.push_str(around(chance));
    }
    stream.push_str(chance.pick(&["", "event: message\n", "id: 9\n", "event:message\nid: 10\n"]));
    for line in message.split('\n') {
        let field = chance.pick(&["data: ", "data:"]);
        // A single space after the colon is not part of the value.
        let field = if line.starts_with(' ') { "data: " } else { field };
        stream.push_str(field);
        stream.push_str(line);
        stream.push('\n');
    }
    stream.push('\n');
    if chance.one_in(2) {
        stream.push_str(": the end\n\n");
    }
    stream.replace('\n', end).into_bytes()
}
