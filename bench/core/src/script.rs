//! What is asked and what is answered, as data.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use mcp_mux_core::Headers;
use serde_json::json;

/// The only revision that is spoken.
pub(crate) const REVISION: &str = "2025-06-18";
/// The revision without sessions.
const STATELESS: &str = "2026-07-28";
/// The tool that is called where tools are listed before.
pub(crate) const TOOL: &str = r#"{"name":"tool_0000","inputSchema":{"type":"object"}}"#;
/// The header with the claims of the caller's token.
pub(crate) const CLAIMS: &str = "x-jwt-payload";
/// So many bytes of a long answer come at once, about what Envoy reads from a connection.
const CHUNK: usize = 65_536;

/// One request, and what upstreams say to it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) upstreams: usize,
    /// What every upstream says in `initialize` that it can do.
    pub(crate) capabilities: &'static str,
    pub(crate) method: &'static str,
    pub(crate) params: String,
    /// The result of every upstream that is asked.
    pub(crate) result: String,
    /// Whether a call is answered in an event stream, and how many progress events come first.
    pub(crate) stream: Option<usize>,
    /// Whether client and upstreams are of the stateless era, and what the head says that it is about.
    pub(crate) stateless: Option<&'static str>,
    /// Whether the gateway asks who sends it, by a token's claims, and has rules.
    pub(crate) rules: bool,
    /// Whether upstreams are opened when they are needed first.
    pub(crate) lazy: bool,
}

impl Script {
    /// A request that is asked of so many upstreams that have nothing but tools.
    pub(crate) fn new(upstreams: usize, method: &'static str, params: String) -> Self {
        let capabilities = r#"{"tools":{}}"#;
        Self {
            upstreams,
            capabilities,
            method,
            params,
            result: "{}".into(),
            stream: None,
            stateless: None,
            rules: false,
            lazy: false,
        }
    }

    pub(crate) fn initialize(upstreams: usize) -> Self {
        let params = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        });
        let mut script = Self::new(upstreams, "initialize", params.to_string());
        script.result = initialized(script.capabilities);
        script
    }

    /// What upstreams say of themselves without a session.
    pub(crate) fn discover(upstreams: usize) -> Self {
        let params = format!(r#"{{"_meta":{}}}"#, envelope());
        let mut script = Self::new(upstreams, "server/discover", params);
        script.stateless = Some("");
        let capabilities = script.capabilities;
        script.result = format!(
            r#"{{"resultType":"complete","supportedVersions":["{STATELESS}"],"capabilities":{capabilities},"ttlMs":0,"cacheScope":"private"}}"#
        );
        script
    }

    /// What opens the session of this one, or lets the gateway know its upstreams.
    pub(crate) fn opening(&self) -> Self {
        if self.stateless.is_some() {
            return Self::discover(self.upstreams);
        }
        let result = initialized(self.capabilities);
        Self { result, rules: self.rules, lazy: self.lazy, ..Self::initialize(self.upstreams) }
    }

    /// The list that the gateway has to have read before, if it is to know its tools.
    pub(crate) fn list_before(&self) -> Option<Self> {
        let list = Self::new(self.upstreams, "tools/list", "{}".into());
        let result = format!(r#"{{"tools":[{TOOL}]}}"#);
        self.rules.then_some(Self { result, rules: true, ..list })
    }

    /// The request's body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let (method, params) = (self.method, &self.params);
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#).into_bytes()
    }

    /// The answer to a request that was sent on, in the pieces that it comes in.
    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        let answer = answer("1", &self.result);
        let Some(progress) = self.stream else {
            return answer.as_bytes().chunks(CHUNK).map(<[u8]>::to_vec).collect();
        };
        let event = |data: &str| format!("event: message\ndata: {data}\n\n").into_bytes();
        let mut chunks: Vec<Vec<u8>> = (1..=progress)
            .map(|number| {
                let params = json!({
                    "progressToken": 7,
                    "progress": number,
                    "message": format!("step {number} of {progress}"),
                });
                let method = "notifications/progress";
                event(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string())
            })
            .collect();
        chunks.extend(event(&answer).chunks(CHUNK).map(<[u8]>::to_vec));
        chunks
    }

    /// The head of that answer.
    pub(crate) fn response_head(&self) -> Head {
        let kind = if self.stream.is_some() { "text/event-stream" } else { "application/json" };
        let mut head = Head::of(&[(":status", "200"), ("content-type", kind)]);
        if self.stream.is_none() {
            let length: usize = self.chunks().iter().map(Vec::len).sum();
            head.add("content-length", &length.to_string());
        }
        head
    }
}

/// What a client of the stateless era says with every request.
pub(crate) fn envelope() -> serde_json::Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 7,
    })
}

/// A JSON-RPC answer.
pub(crate) fn answer(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

fn initialized(capabilities: &str) -> String {
    let server = r#"{"name":"b","version":"1"}"#;
    format!(
        r#"{{"protocolVersion":"{REVISION}","capabilities":{capabilities},"serverInfo":{server}}}"#
    )
}

/// A message's headers.
#[derive(Debug, Clone)]
pub(crate) struct Head(Vec<(String, Vec<u8>)>);

impl Head {
    pub(crate) fn of(headers: &[(&str, &str)]) -> Self {
        let mut head = Self(Vec::new());
        for (name, value) in headers {
            head.add(name, value);
        }
        head
    }

    /// The head of every POST, as Envoy shows it to filters.
    pub(crate) fn request(script: &Script, length: usize, session: Option<&str>) -> Self {
        let mut head = Self::of(&[
            (":authority", "127.0.0.1:8080"),
            (":path", "/mcp"),
            (":method", "POST"),
            (":scheme", "http"),
            ("user-agent", "h2load nghttp2/1.52.0"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("content-length", &length.to_string()),
            ("x-forwarded-proto", "http"),
            ("x-request-id", "7a9b5f0e-6b1c-4b43-9c53-0f5d1d1f5a2e"),
        ]);
        if script.rules {
            let claims = json!({
                "iss": "https://login.example/realms/company",
                "sub": "f:9c5d1f5a-6b1c-4b43-9c53:ann",
                "aud": "https://mcp.example/mcp",
                "exp": 1_900_000_000,
                "iat": 1_899_999_700,
                "jti": "7a9b5f0e-6b1c-4b43-9c53-0f5d1d1f5a2e",
                "scope": "openid profile tools:read",
                "groups": ["staff", "engineering", "admins"],
            });
            head.add(CLAIMS, &BASE64URL.encode(claims.to_string()));
        }
        if let Some(session) = session {
            head.add("mcp-session-id", session);
            head.add("mcp-protocol-version", REVISION);
        }
        if let Some(name) = script.stateless {
            head.add("mcp-protocol-version", STATELESS);
            head.add("mcp-method", script.method);
            if !name.is_empty() {
                head.add("mcp-name", name);
            }
        }
        head
    }

    /// Has this value for a header, whether or not it had one.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(it, _)| it != name);
        self.add(name, value);
    }

    fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// As the core is shown them.
    pub(crate) fn show<T>(&self, to: impl FnOnce(Headers<'_>) -> T) -> T {
        let pairs: Vec<(&[u8], &[u8])> =
            self.0.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        to(Headers(&pairs))
    }
}
