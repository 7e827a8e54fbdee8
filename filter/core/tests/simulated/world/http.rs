//! Messages as the world sees them: what the client sends, what upstreams see and say, what the
//! client gets.

use mcp_mux_core::effect::{Counter, HeaderChange, HeaderList};
use mcp_mux_core::gateway::UpstreamId;
use serde_json::Value;
use serde_json::value::RawValue;

use super::kind::TOOLS;

/// Header names, in lower case, and values.
pub(crate) type Head = Vec<(String, Vec<u8>)>;

/// The first value of `name`.
pub(crate) fn value<'h>(head: &'h Head, name: &str) -> Option<&'h [u8]> {
    head.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
}

/// The head of a request of the gateway's own.
pub(crate) fn owned(headers: &HeaderList) -> Head {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// Carries out a change as Envoy does.
pub(crate) fn change(head: &mut Head, change: HeaderChange<'_>) {
    match change {
        HeaderChange::Set(name, value) => {
            let at = head.iter().position(|(key, _)| *key == name).unwrap_or(head.len());
            head.retain(|(key, _)| *key != name);
            head.insert(at.min(head.len()), (name.to_owned(), value.to_vec()));
        }
        HeaderChange::Remove(name) => head.retain(|(key, _)| *key != name),
    }
}

fn set(head: &mut Head, name: &str, value: impl AsRef<[u8]>) {
    change(head, HeaderChange::Set(name, value.as_ref()));
}

/// A member of a JSON object, as it is written.
pub(crate) fn raw_member(json: &[u8], key: &str) -> Option<String> {
    let members: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(json).ok()?;
    Some(members.get(key)?.get().to_owned())
}

/// What a client sends.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: bool,
}

impl Request {
    fn new(method: &str, body: Vec<u8>) -> Self {
        let mut head = Head::new();
        for (name, value) in [(":method", method), (":path", "/mcp"), (":authority", "gateway")] {
            set(&mut head, name, value);
        }
        Self { head, body, trailers: false }
    }

    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Self::new("POST", body)
            .with("content-type", "application/json")
            .with("accept", "application/json, text/event-stream")
            .with("content-length", length)
    }

    /// A request for `method` with the id 1 and the raw `params`.
    pub(crate) fn rpc(method: &str, params: &str) -> Self {
        Self::post(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#))
    }

    pub(crate) fn get() -> Self {
        Self::new("GET", Vec::new()).with("accept", "text/event-stream")
    }

    pub(crate) fn delete() -> Self {
        Self::new("DELETE", Vec::new())
    }

    /// With a header set.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        set(&mut self.head, name, value);
        self
    }

    /// With one more header, whether or not there is one of that name.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.head.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        change(&mut self.head, HeaderChange::Remove(name));
        self
    }

    /// Within a session.
    pub(crate) fn within(self, session: &str) -> Self {
        self.with("mcp-session-id", session)
    }
}

/// What reached an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) cluster: String,
    /// The client's own request, not a side call.
    pub(crate) routed: bool,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        value(&self.head, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The JSON-RPC method; empty where there is none.
    pub(crate) fn method(&self) -> String {
        let method = raw_member(&self.body, "method").unwrap_or_default();
        serde_json::from_str(&method).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn id(&self) -> String {
        raw_member(&self.body, "id").expect("an id")
    }

    pub(crate) fn params(&self) -> Value {
        let params = raw_member(&self.body, "params").unwrap_or("{}".to_owned());
        serde_json::from_str(&params).expect("params")
    }
}

/// What an upstream does.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Its cluster cannot be reached: a side call is not sent, a routed request gets Envoy's 503.
    NotSent,
    /// Nothing: a side call fails, a routed request gets Envoy's 504.
    Silent,
    /// More than the host reads; side calls only.
    TooLarge,
    Says(Response),
}

/// A whole HTTP answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: bool,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut head = Head::new();
        if !content_type.is_empty() {
            set(&mut head, "content-type", content_type);
        }
        Self { status, head, body: body.into(), trailers: false }
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        set(&mut self.head, name, value);
        self
    }

    pub(crate) fn says(self) -> Answer {
        Answer::Says(self)
    }
}

/// What became of the client's request; never more than one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The gateway answered.
    Replied,
    /// It went to an upstream, whose answer came back.
    Routed,
    /// It is none of the gateway's.
    Passed,
}

/// What the client gets, and what the gateway noted.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) way: Way,
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    /// The client's request as it went on, if it did.
    pub(crate) went: Option<Seen>,
    pub(crate) counts: Vec<Counter>,
    /// Counted, too: whose fault it is, and which.
    pub(crate) faults: Vec<(UpstreamId, &'static str)>,
    pub(crate) warnings: Vec<String>,
    /// What was recorded of it, and what an access log would have.
    pub(crate) told: Vec<String>,
}

impl Got {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        value(&self.head, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// HTTP status, JSON-RPC code and id of an error.
    pub(crate) fn refusal(&self) -> (u16, i64, Value) {
        let json = self.json();
        assert_eq!(self.header("content-type").as_deref(), Some("application/json"));
        let code = json["error"]["code"].as_i64();
        (self.status, code.unwrap_or_else(|| panic!("an error: {json}")), json["id"].clone())
    }

    /// The tools of a list, as they are written.
    pub(crate) fn tools(&self) -> Vec<String> {
        self.items(TOOLS)
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.keys(TOOLS)
    }

    /// The upstreams of `_meta["mcp-mux/unavailable"]`, each with a reason.
    pub(crate) fn unavailable(&self) -> Vec<String> {
        let json = self.json();
        let listed = json["result"]["_meta"]["mcp-mux/unavailable"].as_array().cloned();
        let names = listed.unwrap_or_default().into_iter().map(|entry| {
            assert!(!entry["reason"].as_str().expect("a reason").is_empty());
            entry["upstream"].as_str().expect("an upstream").to_owned()
        });
        names.collect()
    }
}
