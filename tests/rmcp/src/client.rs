//! The client: what it sees, in the shape in which the clients of the other SDKs say it.
#![expect(deprecated, reason = "log messages to clients are deprecated, and heard all the same")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::handler::client::ClientHandler;
use rmcp::model::{LoggingMessageNotificationParam, ProgressNotificationParam, ProtocolVersion};
use rmcp::service::{
    ClientLifecycleMode, NotificationContext, RoleClient, RunningService,
    serve_client_with_lifecycle,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json, to_value};
use tokio::sync::Notify;

const DEADLINE: Duration = Duration::from_secs(25);
const WORK: &str = "trigger-long-running-operation";

/// How it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As `serve` does: with `initialize`, which names the revision without sessions.
    Default,
    /// With `server/discover`; with `initialize` where that is not known.
    Auto,
    /// With `server/discover` alone.
    Discover,
}

/// What the names and URIs of one server begin with.
#[derive(Debug, Clone, Copy)]
pub struct Prefixes<'a> {
    /// Of its tools and prompts.
    pub names: &'a str,
    /// Of its resources.
    pub uris: &'a str,
}

/// A client that is connected.
pub struct Client {
    service: RunningService<RoleClient, Watch>,
    watch: Watch,
}

/// What servers send while they work.
#[derive(Debug, Clone, Default)]
struct Watch {
    heard: Arc<Mutex<Heard>>,
    news: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Heard {
    logged: Vec<Value>,
    progress: Vec<String>,
}

impl ClientHandler for Watch {
    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.hear(|heard| heard.logged.push(message.data));
    }

    async fn on_progress(
        &self,
        made: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let step = format!("{}/{}", made.progress, made.total.unwrap_or_default());
        self.hear(|heard| heard.progress.push(step));
    }
}

impl Watch {
    fn hear<T>(&self, hear: impl FnOnce(&mut Heard) -> T) -> T {
        let heard = hear(&mut self.heard.lock().expect("nobody has panicked"));
        self.news.notify_waiters();
        heard
    }

    /// Waits for as many steps; the handlers of notifications run beside what awaits a response.
    async fn progress(&self, steps: usize) -> Vec<String> {
        let all = async {
            loop {
                let news = self.news.notified();
                let heard = self.heard.lock().expect("nobody has panicked").progress.clone();
                if heard.len() >= steps {
                    return heard;
                }
                news.await;
            }
        };
        tokio::time::timeout(DEADLINE, all).await.unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// What the SDK has, as it is on the wire.
fn wire(value: impl Serialize) -> Value {
    to_value(value).expect("JSON")
}

/// What the SDK asks for, from what is on the wire.
fn params<T: DeserializeOwned>(value: Value) -> T {
    from_value(value).expect("params")
}

fn texts(contents: &Value) -> String {
    let contents = contents.as_array().expect("contents").iter();
    let texts: Vec<&str> = contents.filter_map(|content| content["text"].as_str()).collect();
    texts.join("\n")
}

impl Client {
    /// Connects to this URL.
    pub async fn connect(endpoint: &str, mode: Mode) -> Self {
        // Cargo compiles its HTTP client as the command-line program asks for it: without a provider.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let config = StreamableHttpClientTransportConfig::with_uri(endpoint);
        let transport = StreamableHttpClientTransport::from_config(config);
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let lifecycle = match mode {
            Mode::Default => ClientLifecycleMode::Initialize,
            Mode::Auto => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: Some(ProtocolVersion::V_2025_11_25),
            },
            Mode::Discover => ClientLifecycleMode::Discover { preferred_versions },
        };
        let watch = Watch::default();
        let service = serve_client_with_lifecycle(watch.clone(), transport, lifecycle).await;
        Self { service: service.unwrap_or_else(|error| panic!("{mode:?}: {error:?}")), watch }
    }

    /// What it sees of all servers together and, with all of its steps, of each.
    pub async fn round(&self, servers: &[Prefixes<'_>]) -> Value {
        let info = wire(self.service.peer_info().expect("what the server is"));
        let stateless = info["protocolVersion"] == "2026-07-28";
        // In a session log messages are asked for once, else in each request.
        if !stateless {
            self.service.set_level(params(json!({"level": "debug"}))).await.expect("the level");
        }
        let mut seen = self.lists().await;
        seen["revision"] = info["protocolVersion"].clone();
        seen["instructions"] = info["instructions"].clone();
        let mut each = Vec::new();
        for server in servers {
            if stateless {
                let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
                self.call(server, WORK, json!({"duration": 0, "steps": 1}), meta).await;
            }
            each.push(json!({
                "echo": self.echo(server).await,
                "progress": self.work(server).await,
                "prompts": self.prompts(server).await,
                "links": self.links(server).await,
            }));
        }
        seen["servers"] = each.into();
        seen["logged"] = self.watch.hear(|heard| std::mem::take(&mut heard.logged)).into();
        seen
    }

    /// What it sees of all servers together, and of each by one request of a kind.
    pub async fn look(&self, servers: &[Prefixes<'_>]) -> Value {
        let mut seen = self.lists().await;
        let mut each = Vec::new();
        for server in servers {
            let uri = format!("{}demo://resource/static/document/features.md", server.uris);
            each.push(json!({
                "echo": self.echo(server).await,
                "read": self.read(&uri).await["text"].as_str().map(|text| first(text, 19)),
                "prompt": texts(&self.prompt(server, "simple-prompt", json!({})).await),
            }));
        }
        seen["servers"] = each.into();
        seen
    }

    /// Disconnects.
    pub async fn end(self) {
        self.service.cancel().await.expect("the end of the client");
    }

    async fn lists(&self) -> Value {
        let each = |items: Value, key: &str| -> Value {
            items.as_array().expect("items").iter().map(|item| item[key].clone()).collect()
        };
        let service = &self.service;
        json!({
            "tools": each(wire(service.list_all_tools().await.expect("tools")), "name"),
            "prompts": each(wire(service.list_all_prompts().await.expect("prompts")), "name"),
            "resources": each(wire(service.list_all_resources().await.expect("resources")), "uri"),
            "templates": each(
                wire(service.list_all_resource_templates().await.expect("templates")),
                "uriTemplate",
            ),
        })
    }

    async fn call(&self, server: &Prefixes<'_>, tool: &str, with: Value, meta: Value) -> Value {
        let name = format!("{}{tool}", server.names);
        let asked = json!({"name": name, "arguments": with, "_meta": meta});
        let result = self.service.call_tool(params(asked)).await;
        wire(result.unwrap_or_else(|error| panic!("{name}: {error:?}")))["content"].take()
    }

    async fn tool(&self, server: &Prefixes<'_>, tool: &str, with: Value) -> Value {
        self.call(server, tool, with, json!({})).await
    }

    async fn prompt(&self, server: &Prefixes<'_>, prompt: &str, with: Value) -> Value {
        let name = format!("{}{prompt}", server.names);
        let result =
            self.service.get_prompt(params(json!({"name": name, "arguments": with}))).await;
        let result = wire(result.unwrap_or_else(|error| panic!("{name}: {error:?}")));
        let messages = result["messages"].as_array().expect("messages").iter();
        messages.map(|message| message["content"].clone()).collect()
    }

    async fn read(&self, uri: &str) -> Value {
        let result = self.service.read_resource(params(json!({"uri": uri}))).await;
        wire(result.unwrap_or_else(|error| panic!("{uri}: {error:?}")))["contents"][0].take()
    }

    async fn echo(&self, server: &Prefixes<'_>) -> String {
        texts(&self.tool(server, "echo", json!({"message": "héllo"})).await)
    }

    async fn work(&self, server: &Prefixes<'_>) -> Value {
        self.watch.hear(|heard| heard.progress.clear());
        let result = self.tool(server, WORK, json!({"duration": 0.4, "steps": 4})).await;
        json!({"steps": self.watch.progress(4).await, "text": texts(&result)})
    }

    async fn prompts(&self, server: &Prefixes<'_>) -> Value {
        let embedded = async |kind: &str, id: &str| {
            let with = json!({"resourceType": kind, "resourceId": id});
            self.prompt(server, "resource-prompt", with)
                .await
                .as_array()
                .cloned()
                .expect("contents")
        };
        let embedded = [embedded("Text", "3").await, embedded("Blob", "4").await].concat();
        let simple = self.prompt(server, "simple-prompt", json!({})).await;
        let with = json!({"city": "Bern", "state": "BE"});
        json!({
            "simple": texts(&simple),
            "args": texts(&self.prompt(server, "args-prompt", with).await),
            "embedded": self.read_again(server, &embedded).await,
        })
    }

    async fn links(&self, server: &Prefixes<'_>) -> Value {
        let mut contents = Vec::new();
        let reference = json!({"resourceType": "Text", "resourceId": 5});
        for (tool, with) in
            [("get-resource-links", json!({"count": 4})), ("get-resource-reference", reference)]
        {
            contents
                .extend(self.tool(server, tool, with).await.as_array().cloned().expect("contents"));
        }
        self.read_again(server, &contents).await
    }

    /// Reads each resource that is shown in these contents once more: the URI that a client sees is the URI
    /// that it can use.
    async fn read_again(&self, server: &Prefixes<'_>, contents: &[Value]) -> Value {
        let mut seen = Vec::new();
        for content in contents {
            let uri = content["uri"].as_str().or_else(|| content["resource"]["uri"].as_str());
            if let Some(uri) = uri {
                let read = self.read(uri).await;
                seen.push(json!({
                    "own": uri.strip_prefix(server.uris),
                    "same": read["uri"] == uri,
                    // The end of the text says when it was made.
                    "start": read["text"].as_str().map(|text| first(text, 40)),
                    "blob": read["blob"].is_string(),
                }));
            }
        }
        seen.into()
    }
}

/// The first characters of a text.
fn first(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
