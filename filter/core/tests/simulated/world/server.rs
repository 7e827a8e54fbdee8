//! A well-behaved MCP server that insists on what the protocol promises it.

use std::collections::BTreeMap;

use super::stream::{event_stream, events};
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
    pub(super) name: String,
    session: Option<String>,
    revision: String,
    pub(super) capabilities: String,
    /// More members of the result of `initialize`, as `,"key":value`.
    pub(super) more: String,
    /// By method.
    pub(super) lists: BTreeMap<String, List>,
    /// Raw URIs that its tools and prompts tell of.
    pub(super) links: Vec<String>,
    /// Messages of its own on every stream.
    own: Vec<String>,
    shape: Shape,
    chance: Chance,
    /// Whether it has no sessions (2026-07-28).
    pub(super) is_stateless: bool,
    /// More members of every result of the stateless era, as `"key":value,`.
    pub(super) hints: String,
}

/// A list as a server has it.
pub(super) struct List {
    /// Raw items, page by page.
    pub(super) pages: Vec<Vec<String>>,
    /// Raw cursors: the first leads to the second page, and so on.
    pub(super) cursors: Vec<String>,
}

/// All that a server can do.
pub(crate) const EVERYTHING: &str = r#"{"tools":{},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{},"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}"#;

impl Server {
    /// With a session id and no tools.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            session: Some(format!("session-of-{name}")),
            revision: "2025-11-25".to_owned(),
            capabilities: r#"{"tools":{}}"#.to_owned(),
            more: String::new(),
            lists: BTreeMap::new(),
            links: Vec::new(),
            own: Vec::new(),
            shape: Shape::Any,
            chance: Chance::new(name.bytes().map(u64::from).sum()),
            is_stateless: false,
            hints: r#""ttlMs":0,"cacheScope":"private","#.to_owned(),
        }
    }

    /// One of the stateless era, which knows no other.
    pub(crate) fn stateless(mut self) -> Self {
        self.is_stateless = true;
        self
    }

    /// How long its results may be kept, as raw `ttlMs` and `cacheScope`.
    pub(crate) fn hints(mut self, ttl_ms: &str, scope: &str) -> Self {
        self.hints = format!(r#""ttlMs":{ttl_ms},"cacheScope":"{scope}","#);
        self
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

    /// Pages of raw tools, and the raw cursors between them.
    pub(crate) fn pages(self, pages: Vec<Vec<String>>, cursors: Vec<String>) -> Self {
        self.list("tools/list", pages, cursors)
    }

    /// Pages of raw items of what this method lists, and the raw cursors between them.
    pub(crate) fn list(
        mut self,
        method: &str,
        pages: Vec<Vec<String>>,
        cursors: Vec<String>,
    ) -> Self {
        assert_eq!(pages.len(), cursors.len() + 1);
        self.lists.insert(method.to_owned(), List { pages, cursors });
        self
    }

    /// What its tools and prompts tell of, as raw URIs.
    pub(crate) fn links(mut self, uris: &[String]) -> Self {
        self.links = uris.to_vec();
        self
    }

    /// Messages of its own, before the answer on every stream.
    pub(crate) fn sends(mut self, messages: &[&str]) -> Self {
        self.own = messages.iter().map(|it| (*it).to_owned()).collect();
        self
    }

    /// Answers one request, and panics at one that no upstream may ever see.
    pub(crate) fn answer(&mut self, seen: &Seen) -> Answer {
        let method = seen.method();
        for private in ["authorization", "cookie", "origin", "x-mcp-cluster"] {
            assert_eq!(seen.header(private), None, "{method}: {private} reached {}", self.name);
        }
        if self.is_stateless {
            return self.answer_stateless(seen);
        }
        // It has no use for what it does not know.
        if seen.header("mcp-protocol-version").as_deref() == Some("2026-07-28") {
            let id = seen.id();
            let error = r#"{"code":-32000,"message":"Bad Request: no session"}"#;
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            return Response::new(400, "application/json", body).says();
        }
        for foreign in ["mcp-method", "mcp-name"] {
            assert_eq!(seen.header(foreign), None, "{method}: {foreign} reached {}", self.name);
        }
        assert!(!seen.text().contains("io.modelcontextprotocol/protocolVersion"), "{method}");
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
            let stream = format!(": open\n\n{}", events(&self.own));
            return Response::new(200, "text/event-stream", stream).says();
        }
        assert!(accept.contains("application/json") && accept.contains("text/event-stream"));
        assert_eq!(seen.header("content-type").as_deref(), Some("application/json"));
        // A response of the client has no method.
        if method.starts_with("notifications/") || method.is_empty() {
            return Response::new(202, "", "").says();
        }
        let result = match method.as_str() {
            "initialize" => format!(
                r#"{{"protocolVersion":"{}","capabilities":{},"serverInfo":{{"name":"{}","version":"1"}}{}}}"#,
                self.revision, self.capabilities, self.name, self.more
            ),
            _ => self.result(seen),
        };
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        let response = self.write(&message);
        match &self.session {
            Some(session) if method == "initialize" => response.with("mcp-session-id", session),
            _ => response,
        }
        .says()
    }

    pub(super) fn write(&mut self, message: &str) -> Response {
        let sse = match self.shape {
            Shape::Json => false,
            Shape::Sse => true,
            Shape::Any => self.chance.one_in(2),
        };
        if sse {
            let mut stream = events(&self.own).into_bytes();
            let answer = event_stream(&mut self.chance, message);
            // A byte order mark has its place at the start alone.
            stream.extend(answer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer));
            let stream = if self.own.is_empty() { answer } else { stream };
            Response::new(200, "text/event-stream; charset=utf-8", stream)
        } else {
            Response::new(200, "application/json", message)
        }
    }
}
