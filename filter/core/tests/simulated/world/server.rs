//! A well-behaved MCP server that insists on what the protocol promises it.

use super::http::raw_member;
use super::{Answer, Chance, Response, Seen};

/// How answers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Json,
    Sse,
    /// One or the other.
    Any,
}

pub(crate) struct Server {
    name: String,
    session: Option<String>,
    revision: String,
    capabilities: String,
    /// More members of the result of `initialize`, as `,"key":value`.
    more: String,
    /// Raw items, page by page.
    pages: Vec<Vec<String>>,
    /// Raw cursors: the first leads to the second page, and so on.
    cursors: Vec<String>,
    shape: Shape,
    chance: Chance,
}

impl Server {
    /// With a session id and no tools.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            session: Some(format!("session-of-{name}")),
            revision: "2025-11-25".to_owned(),
            capabilities: r#"{"tools":{}}"#.to_owned(),
            more: String::new(),
            pages: vec![Vec::new()],
            cursors: Vec::new(),
            shape: Shape::Any,
            chance: Chance::new(name.bytes().map(u64::from).sum()),
        }
    }

    pub(crate) fn session(mut self, session: Option<&str>) -> Self {
        self.session = session.map(str::to_owned);
        self
    }

    pub(crate) fn revision(mut self, revision: &str) -> Self {
        revision.clone_into(&mut self.revision);
        self
    }

    pub(crate) fn capabilities(mut self, capabilities: &str) -> Self {
        capabilities.clone_into(&mut self.capabilities);
        self
    }

    /// More members of the result of `initialize`, as `,"key":value`.
    pub(crate) fn more(mut self, members: &str) -> Self {
        members.clone_into(&mut self.more);
        self
    }

    pub(crate) fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.chance = Chance::new(seed);
        self
    }

    /// One page of tools with these names.
    pub(crate) fn tools(self, names: &[&str]) -> Self {
        let items = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
        self.pages(vec![items], Vec::new())
    }

    /// Pages of raw items, and the raw cursors between them.
    pub(crate) fn pages(mut self, pages: Vec<Vec<String>>, cursors: Vec<String>) -> Self {
        assert_eq!(pages.len(), cursors.len() + 1);
        self.pages = pages;
        self.cursors = cursors;
        self
    }

    /// Answers one request, and panics at one that no upstream may ever see.
    pub(crate) fn answer(&mut self, seen: &Seen) -> Answer {
        let method = seen.method();
        for private in ["authorization", "cookie", "origin", "x-mcp-cluster"] {
            assert_eq!(seen.header(private), None, "{method}: {private} reached {}", self.name);
        }
        if method == "initialize" {
            assert_eq!(seen.header("mcp-session-id"), None, "a foreign session");
        } else {
            assert_eq!(seen.header("mcp-session-id"), self.session, "{method}: {}", self.name);
            assert_eq!(seen.header("mcp-protocol-version").as_ref(), Some(&self.revision));
        }
        let accept = seen.header("accept").unwrap_or_default();
        if seen.header(":method").as_deref() == Some("DELETE") {
            return Response::new(200, "", "").says();
        }
        if seen.header(":method").as_deref() == Some("GET") {
            return Response::new(200, "text/event-stream", ": open\n\n").says();
        }
        assert!(accept.contains("application/json") && accept.contains("text/event-stream"));
        assert_eq!(seen.header("content-type").as_deref(), Some("application/json"));
        if method.starts_with("notifications/") {
            return Response::new(202, "", "").says();
        }
        let result = match method.as_str() {
            "initialize" => format!(
                r#"{{"protocolVersion":"{}","capabilities":{},"serverInfo":{{"name":"{}","version":"1"}}{}}}"#,
                self.revision, self.capabilities, self.name, self.more
            ),
            "tools/list" => self.page(seen),
            "tools/call" => {
                let params = raw_member(&seen.body, "params").expect("params");
                format!(
                    r#"{{"content":[],"structuredContent":{{"by":"{}","params":{params}}}}}"#,
                    self.name
                )
            }
            other => panic!("{} does not know {other}", self.name),
        };
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        let response = self.write(&message);
        match &self.session {
            Some(session) if method == "initialize" => response.with("mcp-session-id", session),
            _ => response,
        }
        .says()
    }

    fn page(&self, seen: &Seen) -> String {
        let params = raw_member(&seen.body, "params");
        let cursor = params.and_then(|params| raw_member(params.as_bytes(), "cursor"));
        let at = match &cursor {
            None => 0,
            Some(cursor) => {
                let known = self.cursors.iter().position(|it| it == cursor);
                1 + known.unwrap_or_else(|| panic!("not a cursor of {}: {cursor}", self.name))
            }
        };
        let items = self.pages[at].join(",");
        let next = self.cursors.get(at);
        let next = next.map_or(String::new(), |next| format!(r#","nextCursor":{next}"#));
        format!(r#"{{"tools":[{items}]{next}}}"#)
    }

    fn write(&mut self, message: &str) -> Response {
        let sse = match self.shape {
            Shape::Json => false,
            Shape::Sse => true,
            Shape::Any => self.chance.one_in(2),
        };
        if sse {
            let stream = event_stream(&mut self.chance, message);
            Response::new(200, "text/event-stream; charset=utf-8", stream)
        } else {
            Response::new(200, "application/json", message)
        }
    }
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
