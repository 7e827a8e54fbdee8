//! The stateless era (2026-07-28): a client that says everything with every request, and a server that
//! insists on that.

use super::http::Request;
use super::{Answer, Response, Seen, Server, World};
use crate::world::Got;

/// What a client of this era says with every request, without braces.
pub(crate) const ENVELOPE: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"client","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}"#;

const KEYS: [&str; 3] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
];

impl Request {
    /// A request for `method` with the id 1; `params` are raw members, without braces. `name` is what the
    /// head says that it is about.
    pub(crate) fn stateless(method: &str, params: &str, name: Option<&str>) -> Self {
        let comma = if params.is_empty() { "" } else { "," };
        let params = format!(r#"{{{params}{comma}"_meta":{{{ENVELOPE}}}}}"#);
        let request = Self::rpc(method, &params)
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", method);
        match name {
            Some(name) => request.with("mcp-name", name),
            None => request,
        }
    }
}

impl World {
    /// Calls a tool as a client of this era does.
    pub(crate) fn call_stateless(&mut self, name: &str) -> Got {
        let params = format!(r#""name":"{name}","arguments":{{}}"#);
        self.send(&Request::stateless("tools/call", &params, Some(name)))
    }
}

impl Server {
    /// Answers a request of this era, and panics at one that lacks what every request has to have.
    pub(super) fn answer_stateless(&mut self, seen: &Seen) -> Answer {
        let method = seen.method();
        let refuse = |status, code, message: &str| {
            let id = seen.id();
            let error = format!(r#"{{"code":{code},"message":"{message}"}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            Response::new(status, "application/json", body).says()
        };
        if seen.header("mcp-protocol-version").as_deref() != Some("2026-07-28") {
            return refuse(400, -32022, "Unsupported protocol version");
        }
        assert_eq!(seen.header(":method").as_deref(), Some("POST"), "{}", self.name);
        assert_eq!(seen.header("mcp-session-id"), None, "{method}: a session");
        assert_eq!(seen.header("mcp-protocol-version").as_deref(), Some("2026-07-28"), "{method}");
        assert_eq!(seen.header("mcp-method").as_ref(), Some(&method));
        let params = seen.params();
        for key in KEYS {
            assert!(!params["_meta"][key].is_null(), "{method}: {key}: {params}");
        }
        let named = match method.as_str() {
            "tools/call" | "prompts/get" => params["name"].as_str(),
            "resources/read" => params["uri"].as_str(),
            _ => None,
        };
        let named = named.map(|name| if name == " x" { "=?base64?IHg=?=" } else { name });
        assert_eq!(seen.header("mcp-name").as_deref(), named, "{method}: {}", self.name);
        let result = match method.as_str() {
            "server/discover" => {
                let versions = r#""supportedVersions":["2026-07-28"]"#;
                let (capabilities, more) = (&self.capabilities, &self.more);
                format!(r#"{{{versions},"capabilities":{capabilities}{more}}}"#)
            }
            _ => self.result(seen),
        };
        let hints = match method.as_str() {
            "tools/call" | "prompts/get" | "completion/complete" => "",
            _ => &self.hints,
        };
        let rest = result.strip_prefix('{').expect("an object");
        let comma = if rest == "}" { "" } else { "," };
        let result = format!(r#"{{"resultType":"complete",{hints}{comma}{rest}"#);
        let result = result.replace(",,", ",").replace(",}", "}");
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        self.write(&message).says()
    }
}
