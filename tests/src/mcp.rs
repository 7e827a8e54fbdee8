//! An MCP client of the handshake era: opens a session and speaks in it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::client::{Reply, Request};
use crate::{Envoy, setup};

/// A session with the gateway.
#[derive(Debug)]
pub struct Client<'e> {
    envoy: &'e Envoy,
    /// The session id.
    pub session: String,
    /// The revision that was negotiated.
    pub revision: String,
    /// The result of `initialize`.
    pub initialized: Value,
    next_id: AtomicU64,
}

/// The body of an `initialize` that asks for this revision.
#[must_use]
pub fn initialize(revision: &str) -> String {
    initialize_with(
        revision,
        &json!({"roots": {"listChanged": true}, "sampling": {}, "elicitation": {}}),
    )
}

/// The same of a client with these capabilities.
#[must_use]
pub fn initialize_with(revision: &str, capabilities: &Value) -> String {
    let params = json!({
        "protocolVersion": revision,
        "capabilities": capabilities,
        "clientInfo": {"name": "test", "version": "1"},
    });
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string()
}

impl<'e> Client<'e> {
    /// Opens a session of the newest revision of the handshake era.
    pub async fn open(envoy: &'e Envoy) -> Self {
        Self::open_as(envoy, "2025-11-25").await
    }

    /// Opens a session of this revision, up to and with `notifications/initialized`.
    pub async fn open_as(envoy: &'e Envoy, revision: &str) -> Self {
        let reply = Request::post(envoy, initialize(revision)).send().await;
        let client = Self::of(envoy, &reply);
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let reply = client.post(ready).send().await;
        assert_eq!((reply.status, reply.text()), (202, ""));
        client
    }

    /// The session that this answer to `initialize` opened.
    #[must_use]
    pub fn of(envoy: &'e Envoy, reply: &Reply) -> Self {
        let initialized = reply.result();
        let session = reply.header("mcp-session-id").expect("a session id").to_owned();
        let revision = initialized["protocolVersion"].as_str().expect("a revision").to_owned();
        Self { envoy, session, revision, initialized, next_id: AtomicU64::new(1) }
    }

    /// A session that was opened before, of the newest revision of the handshake era.
    #[must_use]
    pub fn within(envoy: &'e Envoy, session: &str, initialized: Value) -> Self {
        let (session, revision) = (session.to_owned(), "2025-11-25".to_owned());
        Self { envoy, session, revision, initialized, next_id: AtomicU64::new(1) }
    }

    /// The same session at another Envoy.
    #[must_use]
    pub fn at<'o>(&self, envoy: &'o Envoy) -> Client<'o> {
        let (session, revision) = (self.session.clone(), self.revision.clone());
        let (initialized, next_id) = (self.initialized.clone(), AtomicU64::new(1000));
        Client { envoy, session, revision, initialized, next_id }
    }

    /// A POST in this session.
    #[must_use]
    pub fn post(&self, body: impl Into<hyper::body::Bytes>) -> Request {
        Request::post(self.envoy, body)
            .header("mcp-session-id", &self.session)
            .header("mcp-protocol-version", &self.revision)
    }

    /// Another HTTP method in this session.
    #[must_use]
    pub fn http(&self, method: &str) -> Request {
        Request::new(self.envoy, method, setup::PATH)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &self.session)
            .header("mcp-protocol-version", &self.revision)
    }

    /// A request with an id of its own.
    pub async fn request(&self, method: &str, params: Value) -> Reply {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            message["params"] = params;
        }
        let reply = self.post(message.to_string()).send().await;
        if matches!(reply.status, 200) {
            assert_eq!(reply.message()["id"], id, "the id comes back: {reply:?}");
        }
        reply
    }

    /// A first page of tools.
    pub async fn list(&self) -> Reply {
        self.request("tools/list", Value::Null).await
    }

    /// The page of tools after this cursor.
    pub async fn list_from(&self, cursor: &str) -> Reply {
        self.request("tools/list", json!({"cursor": cursor})).await
    }

    /// The names on the first page of tools.
    pub async fn tool_names(&self) -> Vec<String> {
        names(&self.list().await.result())
    }

    /// Calls a tool without arguments.
    pub async fn call(&self, name: &str) -> Reply {
        self.request("tools/call", json!({"name": name, "arguments": {}})).await
    }

    /// Calls a tool and returns the text of its first content.
    pub async fn call_text(&self, name: &str) -> String {
        let result = self.call(name).await.result();
        result["content"][0]["text"].as_str().expect("text").to_owned()
    }
}

/// The names of a result of `tools/list`.
#[must_use]
pub fn names(result: &Value) -> Vec<String> {
    texts(result, "tools", "name")
}

/// What this key is in each item of a list.
#[must_use]
pub fn texts(result: &Value, list: &str, key: &str) -> Vec<String> {
    let items = result[list].as_array().unwrap_or_else(|| panic!("no {list} in {result}"));
    let text = |item: &Value| item[key].as_str().unwrap_or_else(|| panic!("no {key}")).to_owned();
    items.iter().map(text).collect()
}

/// What `_meta` says of upstreams that are missing from a result: names and reasons.
#[must_use]
pub fn unavailable(result: &Value) -> Vec<(String, String)> {
    let Some(missing) = result["_meta"]["mcp-mux/unavailable"].as_array() else {
        return Vec::new();
    };
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    missing.iter().map(|one| (text(&one["upstream"]), text(&one["reason"]))).collect()
}
