//! What a scripted upstream answers where the test says nothing: a plain MCP server with tools.

use serde_json::{Value, json};

use crate::script::{Answer, response};
use crate::seen::Seen;
use crate::sse;

/// A plain MCP server: sessions, pages of tools, calls that say who was called.
#[derive(Debug, Clone)]
pub struct Server {
    /// `serverInfo.name`, and the head of its session ids.
    pub name: String,
    /// `instructions` of its `initialize`.
    pub instructions: Option<String>,
    /// The revision that it negotiates; `None` for whatever it is asked for.
    pub revision: Option<String>,
    /// Its `capabilities`.
    pub capabilities: Value,
    /// Whether it assigns a session id and insists on it.
    pub sessions: bool,
    /// The text of every tool, page by page.
    pub pages: Vec<Vec<String>>,
    /// The cursor that leads to page 1, page 2, ...; by default `name/1`, `name/2`, ...
    pub cursors: Vec<String>,
    /// Answers requests with event streams instead of JSON.
    pub sse: bool,
    /// How many sessions it has opened.
    pub opened: usize,
    /// How many of them, the oldest ones, it has lost.
    pub lost: usize,
    /// What it answers in a session that it has lost.
    pub gone: Answer,
}

/// A raw tool with a schema, without which clients would reject all the list, unless it has one.
#[must_use]
pub fn usable(tool: &str) -> String {
    match tool.trim_end().strip_suffix('}') {
        Some(inner) if !tool.contains("inputSchema") && inner.contains(':') => {
            format!(r#"{inner},"inputSchema":{{"type":"object"}}}}"#)
        }
        _ => tool.to_owned(),
    }
}

/// A tool as a plain server lists it.
#[must_use]
pub fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","description":"a tool","inputSchema":{{"type":"object"}}}}"#)
}

/// Makes a server declare these capabilities.
pub fn can(capabilities: Value) -> impl FnOnce(&mut Server) {
    |server| server.capabilities = capabilities
}

impl Server {
    /// A server with sessions and one tool, `echo`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            instructions: None,
            revision: None,
            capabilities: json!({"tools": {}}),
            sessions: true,
            pages: vec![vec![tool("echo")]],
            cursors: Vec::new(),
            sse: false,
            opened: 0,
            lost: 0,
            gone: Answer::whole(404, "text/plain", "Session not found"),
        }
    }

    /// Answers one request.
    #[must_use]
    pub fn answer(&mut self, seen: &Seen) -> Answer {
        let Some(method) = seen.rpc_method() else {
            return match seen.method.as_str() {
                "POST" => Answer::accepted(),
                "DELETE" => Answer::whole(200, "text/plain", ""),
                _ => Answer::whole(405, "text/plain", "POST and DELETE only"),
            };
        };
        if method == "initialize" {
            return self.initialize(seen);
        }
        if self.sessions && !self.is_mine(seen.header("mcp-session-id")) {
            return Answer::whole(400, "text/plain", "no session of mine");
        }
        if self.sessions && self.has_lost(seen.header("mcp-session-id")) {
            return self.gone.clone();
        }
        match method.as_str() {
            _ if method.starts_with("notifications/") => Answer::accepted(),
            "tools/list" => self.page(seen),
            "tools/call" => {
                let text = format!("{}:{}", self.name, seen.name());
                let content = json!({"content": [{"type": "text", "text": text}]});
                self.result(seen, &content.to_string())
            }
            _ => {
                let error = r#"{"code":-32601,"message":"not here"}"#;
                let id = seen.id();
                Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
            }
        }
    }

    fn initialize(&mut self, seen: &Seen) -> Answer {
        let asked = seen.params()["protocolVersion"].as_str().unwrap_or_default().to_owned();
        let mut result = json!({
            "protocolVersion": self.revision.clone().unwrap_or(asked),
            "capabilities": self.capabilities,
            "serverInfo": {"name": self.name, "version": "1"},
        });
        if let Some(instructions) = &self.instructions {
            result["instructions"] = json!(instructions);
        }
        let answer = self.result(seen, &result.to_string());
        if !self.sessions {
            return answer;
        }
        self.opened += 1;
        answer.header("mcp-session-id", &format!("{}-session-{}", self.name, self.opened))
    }

    fn is_mine(&self, session: Option<&str>) -> bool {
        session.is_some_and(|session| session.starts_with(&format!("{}-session-", self.name)))
    }

    fn has_lost(&self, session: Option<&str>) -> bool {
        let number = session.and_then(|session| session.rsplit('-').next()?.parse::<usize>().ok());
        number.is_some_and(|number| number <= self.lost)
    }

    fn page(&self, seen: &Seen) -> Answer {
        let cursors: Vec<String> = (1..self.pages.len())
            .map(|n| self.cursors.get(n - 1).cloned().unwrap_or(format!("{}/{n}", self.name)))
            .collect();
        let page = match seen.params()["cursor"].as_str() {
            None => Some(0),
            Some(cursor) => cursors.iter().position(|known| known == cursor).map(|n| n + 1),
        };
        let Some(page) = page else {
            let error = r#"{"code":-32602,"message":"no such cursor"}"#;
            let id = seen.id();
            return Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
        };
        let items = self.pages.get(page).map(|items| items.join(",")).unwrap_or_default();
        let next = cursors.get(page).map(|cursor| format!(r#","nextCursor":{}"#, json!(cursor)));
        self.result(seen, &format!(r#"{{"tools":[{items}]{}}}"#, next.unwrap_or_default()))
    }

    fn result(&self, seen: &Seen, result: &str) -> Answer {
        let message = response(seen, result);
        if self.sse { Answer::sse(sse::message(&message)) } else { Answer::json(message) }
    }
}
