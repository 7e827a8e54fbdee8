//! A client of MCP over Streamable HTTP, for what this program wants to know: which era an endpoint is of, and
//! what it lists. Items are kept as the server wrote them.
//!
//! Promise: an answer of more than [`LONGEST`] bytes, or a list of more than [`MOST_PAGES`] pages, is refused.

mod http;

use std::time::Duration;

use mcp_mux_core::EventReader;
use mcp_mux_envoy_files::resources::set;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use http::{NoResult, chain, http};
pub use http::{event_stream, headers};

/// The most bytes of one answer.
pub const LONGEST: usize = 64 * 1024 * 1024;

/// The most pages of one list.
pub const MOST_PAGES: usize = 1000;

/// The revision of the era without sessions, and the last of that with them.
const STATELESS: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";

/// The kinds of lists: the method, and the field with the items.
pub const LISTS: [(&str, &str); 4] = [
    ("tools/list", "tools"),
    ("prompts/list", "prompts"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
];

/// Which eras are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eras {
    /// The one without sessions first.
    Both,
    /// The one with sessions alone.
    Handshake,
}

/// An endpoint that has answered.
#[derive(Debug)]
pub struct Endpoint {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
    session: Option<HeaderValue>,
    /// The revision that it is spoken to in.
    pub revision: String,
    /// Whether that is without a session.
    pub stateless: bool,
    /// What it says of itself: its result of `server/discover` or `initialize`.
    pub said: Value,
    ids: u64,
}

/// An answer to a request.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    #[serde(default)]
    message: String,
}

impl Endpoint {
    /// Asks an endpoint who it is, and opens a session if it wants one.
    ///
    /// # Errors
    ///
    /// One line that says why there is no answer.
    pub async fn open(
        url: &str,
        headers: HeaderMap,
        eras: Eras,
        timeout: Duration,
    ) -> Result<Self, String> {
        let http = http(timeout)?;
        let mut endpoint = Self {
            http,
            url: url.to_owned(),
            headers,
            session: None,
            revision: STATELESS.to_owned(),
            stateless: true,
            said: Value::Null,
            ids: 0,
        };
        if eras == Eras::Both {
            match endpoint.result("server/discover", json!({})).await {
                Ok(said) => {
                    let said: Value = serde_json::from_str(said.get()).unwrap_or_default();
                    let versions = said.get("supportedVersions").and_then(Value::as_array);
                    if versions.is_some_and(|them| them.iter().any(|it| it == STATELESS)) {
                        endpoint.said = said;
                        return Ok(endpoint);
                    }
                }
                // Nobody is there, or one who wants credentials: the other era will not do better.
                Err(error @ NoResult::Other(_)) => return Err(error.to_string()),
                Err(NoResult::Status(status)) if matches!(status.as_u16(), 401 | 403) => {
                    return Err(NoResult::Status(status).to_string());
                }
                Err(_) => {}
            }
        }
        endpoint.initialize().await.map_err(|error| error.to_string())?;
        Ok(endpoint)
    }

    async fn initialize(&mut self) -> Result<(), NoResult> {
        self.stateless = false;
        HANDSHAKE.clone_into(&mut self.revision);
        let params = json!({
            "protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": client_info(),
        });
        let said = self.result("initialize", params).await?;
        self.said = serde_json::from_str(said.get()).unwrap_or_default();
        let revision = self.said.get("protocolVersion").and_then(Value::as_str);
        let Some(revision) = revision else {
            return Err(NoResult::Other("it answers initialize without a protocolVersion".into()));
        };
        revision.clone_into(&mut self.revision);
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.post("notifications/initialized", &told).await?;
        Ok(())
    }

    /// All items of a list, as the server wrote them; none if it does not have this kind.
    ///
    /// # Errors
    ///
    /// One line that says why there is no list.
    pub async fn list(&mut self, method: &str, field: &str) -> Result<Vec<Box<RawValue>>, String> {
        let capability = method.split('/').next().unwrap_or_default();
        let pointer = format!("/capabilities/{capability}");
        if self.said.pointer(&pointer).is_none() {
            return Ok(Vec::new());
        }
        let mut items: Vec<Box<RawValue>> = Vec::new();
        let mut params = json!({});
        for _ in 0..MOST_PAGES {
            let result = match self.result(method, params).await {
                Ok(result) => result,
                // Templates are a part of resources that not every server has.
                Err(NoResult::Refused(-32601, _)) => return Ok(items),
                Err(error) => return Err(format!("{method}: {error}")),
            };
            let no_list = |_| format!("{method}: it answers without a list of {field}");
            let page: std::collections::BTreeMap<&str, &RawValue> =
                serde_json::from_str(result.get()).map_err(no_list)?;
            let list = page.get(field).map_or("[]", |list| list.get());
            let list: Vec<Box<RawValue>> = serde_json::from_str(list).map_err(no_list)?;
            items.extend(list);
            let cursor = page.get("nextCursor").map_or("null", |cursor| cursor.get());
            match serde_json::from_str::<Option<String>>(cursor).map_err(no_list)? {
                None => return Ok(items),
                Some(cursor) => params = json!({"cursor": cursor}),
            }
        }
        Err(format!("{method}: it has more than {MOST_PAGES} pages"))
    }

    /// Ends the session, if there is one.
    pub async fn close(self) {
        let Some(session) = self.session.clone() else { return };
        let request = self.http.delete(&self.url).headers(self.headers.clone());
        let request = request.header("mcp-session-id", session);
        let _ = request.header("mcp-protocol-version", &self.revision).send().await;
    }

    async fn result(&mut self, method: &str, mut params: Value) -> Result<Box<RawValue>, NoResult> {
        self.ids += 1;
        if self.stateless {
            set(
                &mut params,
                "_meta",
                json!({
                    "io.modelcontextprotocol/protocolVersion": STATELESS,
                    "io.modelcontextprotocol/clientInfo": client_info(),
                    "io.modelcontextprotocol/clientCapabilities": {},
                }),
            );
        }
        let request = json!({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params});
        let Some(text) = self.post(method, &request).await? else {
            return Err(NoResult::Other("it has no answer".into()));
        };
        let answer: Answer<'_> = serde_json::from_str(&text)
            .map_err(|_| NoResult::Other("it answers with other than JSON-RPC".into()))?;
        match (answer.result, answer.error) {
            (_, Some(Refusal { code, message })) => Err(NoResult::Refused(code, message)),
            (Some(result), None) => Ok(result.to_owned()),
            (None, None) => Err(NoResult::Other("it answers with other than JSON-RPC".into())),
        }
    }

    /// The JSON text of the answer; `None` where there is none to a notification.
    async fn post(&mut self, method: &str, message: &Value) -> Result<Option<String>, NoResult> {
        let request = self.http.post(&self.url).headers(self.headers.clone());
        let mut request = request
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if method != "initialize" {
            request = request.header("mcp-protocol-version", &self.revision);
        }
        if self.stateless {
            request = request.header("mcp-method", method);
        }
        let sent = request.body(message.to_string()).send().await;
        let mut response = sent.map_err(|error| NoResult::Other(chain(&error)))?;
        if method == "initialize" {
            self.session = response.headers().get("mcp-session-id").cloned();
        }
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let id = message.get("id").map(Value::to_string);
        if id.is_none() && status.is_success() {
            return Ok(None);
        }
        let mut body = Vec::new();
        let mut events = EventReader::new(LONGEST);
        let mut found = None;
        let is_stream = kind.starts_with("text/event-stream");
        let broken = |error: reqwest::Error| NoResult::Other(chain(&error));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if is_stream {
                events.feed(&chunk, &mut |event| {
                    let text = std::str::from_utf8(event.data).unwrap_or_default();
                    if found.is_none() && answers(text, id.as_deref()) {
                        found = Some(text.to_owned());
                    }
                });
                if found.is_some() {
                    return Ok(found);
                }
            } else {
                body.extend_from_slice(&chunk);
            }
            if body.len() > LONGEST {
                return Err(NoResult::Other(format!("its answer has more than {LONGEST} bytes")));
            }
        }
        if is_stream && status.is_success() {
            return Err(NoResult::Other("its stream ends before the answer".into()));
        }
        let text = String::from_utf8(body).unwrap_or_default();
        if status.is_success() || answers(&text, None) {
            return Ok(Some(text));
        }
        Err(NoResult::Status(status))
    }
}

/// Whether a text is an answer to this request, or to any.
fn answers(text: &str, id: Option<&str>) -> bool {
    serde_json::from_str::<Answer<'_>>(text).is_ok_and(|answer| {
        let is_answer = answer.result.is_some() || answer.error.is_some();
        is_answer && id.is_none_or(|id| answer.id.is_some_and(|it| it.get() == id))
    })
}

fn client_info() -> Value {
    json!({"name": "mcp-mux", "version": env!("CARGO_PKG_VERSION")})
}
