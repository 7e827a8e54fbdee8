//! The world of a test: the plugin's configuration and the Envoy bootstrap around it.

mod bootstrap;
mod clusters;

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::host::{Host, MODULES};
use crate::upstream::Upstream;
use crate::{Envoy, envoy, envoy_config};

/// The endpoint.
pub const PATH: &str = "/mcp";

/// How the plugin's configuration stands in Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A `google.protobuf.StringValue` that holds JSON.
    Text,
    /// A `google.protobuf.Struct`.
    Struct,
}

/// An Envoy to be: one listener, the filter, a cluster for each upstream. Its process may serve other tests
/// before and after, unless it is to be [alone](Setup::alone).
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own, and tests set few")]
pub struct Setup {
    plugin: Value,
    text: Option<String>,
    form: Form,
    filter: bool,
    before: Vec<Value>,
    route: bool,
    clusters: Vec<Value>,
    environment: Map<String, Value>,
    manager: Map<String, Value>,
    runtime: Map<String, Value>,
    call_timeout: String,
    elsewhere: Option<String>,
    module: Option<String>,
    buffer: u64,
    port: u16,
    pub(crate) concurrency: u32,
    pub(crate) alone: bool,
    pub(crate) reloads: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// No upstreams yet; one worker; a configuration that says nothing but the path.
    #[must_use]
    pub fn new() -> Self {
        Self {
            plugin: json!({"path": PATH, "upstreams": []}),
            text: None,
            form: Form::Text,
            filter: true,
            before: Vec::new(),
            route: true,
            clusters: Vec::new(),
            environment: Map::new(),
            manager: Map::new(),
            runtime: Map::new(),
            call_timeout: "0s".into(),
            elsewhere: None,
            module: None,
            buffer: 16 << 20,
            port: 0,
            concurrency: 1,
            alone: false,
            reloads: false,
        }
    }

    /// Adds an upstream and its cluster.
    #[must_use]
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.upstream_with(upstream, &json!({}))
    }

    /// Adds an upstream with these fields, and its cluster.
    #[must_use]
    pub fn upstream_with(self, upstream: &Upstream, fields: &Value) -> Self {
        self.upstream_at(&upstream.name, upstream.address, fields)
    }

    /// Adds an upstream that is at this address.
    #[must_use]
    pub fn upstream_at(self, name: &str, address: SocketAddr, fields: &Value) -> Self {
        self.entry(name, fields).cluster(name, address)
    }

    /// Adds an upstream to the plugin's configuration only.
    #[must_use]
    pub fn entry(mut self, name: &str, fields: &Value) -> Self {
        let mut entry = json!({"name": name});
        let fields = fields.as_object().expect("fields");
        entry.as_object_mut().expect("an object").extend(fields.clone());
        self.plugin["upstreams"].as_array_mut().expect("upstreams").push(entry);
        self
    }

    /// Adds a cluster to Envoy's configuration only.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push(envoy_config::cluster(name, address));
        self
    }

    /// Sets a field at the top of the plugin's configuration.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.plugin[field] = value;
        self
    }

    /// Uses session keys made of these bytes, repeated; the first seals.
    #[must_use]
    pub fn keys(self, keys: &[u8]) -> Self {
        let keys: Vec<String> = keys.iter().map(|&byte| key(byte)).collect();
        self.set("session", json!({"keys": keys}))
    }

    /// Uses this text as the plugin's configuration, whatever it is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Hands the plugin's configuration over in this form.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Runs as many workers.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Listens on this port, which another Envoy may have had; without it, on any that is free. It is
    /// [alone](Self::alone) then, so that nobody listens there when it is dropped.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self.alone()
    }

    /// Sets a variable in the environment of the filter.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        if Host::tested() == Host::Module { self.alone() } else { self }
    }

    /// Sets a field of Envoy's HTTP connection manager.
    #[must_use]
    pub fn manager(mut self, field: &str, value: Value) -> Self {
        self.manager.insert(field.into(), value);
        self
    }

    /// Sets a key of Envoy's runtime.
    #[must_use]
    pub fn runtime(mut self, key: &str, value: Value) -> Self {
        self.runtime.insert(key.into(), value);
        self
    }

    /// Sets the timeout of the route that calls take; without it they may take for ever.
    #[must_use]
    pub fn call_timeout(mut self, timeout: &str) -> Self {
        timeout.clone_into(&mut self.call_timeout);
        self
    }

    /// Sends what is not for the endpoint to this upstream; without it Envoy answers 404.
    #[must_use]
    pub fn elsewhere(self, upstream: &Upstream) -> Self {
        self.elsewhere_at(&upstream.name, upstream.address)
    }

    /// The same for a server at this address.
    #[must_use]
    pub fn elsewhere_at(mut self, name: &str, address: SocketAddr) -> Self {
        self.elsewhere = Some(name.to_owned());
        self.cluster(name, address)
    }

    /// Sets how many bytes of a body Envoy holds; 16 MiB without this.
    #[must_use]
    pub fn buffer(mut self, bytes: u64) -> Self {
        self.buffer = bytes;
        self
    }

    /// Takes the native module from this folder; it is [alone](Self::alone) then.
    #[must_use]
    pub fn module_in(mut self, folder: &str) -> Self {
        self.module = Some(folder.to_owned());
        self.alone()
    }

    /// Puts a filter of Envoy's before this one, behind those that were put there already.
    #[must_use]
    pub fn behind(mut self, filter: Value) -> Self {
        self.before.push(filter);
        self
    }

    /// Leaves the filter out: a plain Envoy.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.filter = false;
        self
    }

    /// Forgets the route for the calls that the filter sends on.
    #[must_use]
    pub fn without_route(mut self) -> Self {
        self.route = false;
        self
    }

    /// Starts a process that serves no other test, before or after this one, and is ended when it is
    /// dropped.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Has Envoy read the filter's configuration from a file, and again when that is replaced
    /// ([`Envoy::reload`]). It is [alone](Self::alone) then.
    #[must_use]
    pub fn reloads(mut self) -> Self {
        self.reloads = true;
        self.alone()
    }

    /// The runtime as Envoy's configuration has it.
    pub(crate) fn runtime_json(&self) -> String {
        Value::Object(self.runtime.clone()).to_string()
    }

    /// What Envoy itself has to have in its environment: a module has no other.
    pub(crate) fn process_environment(&self) -> Vec<(&str, &str)> {
        let variable = |(name, value): (_, _)| Some((String::as_str(name), Value::as_str(value)?));
        let module = self.module.as_deref().map(|folder| (MODULES, folder));
        match Host::tested() {
            Host::Wasm => Vec::new(),
            Host::Module => self.environment.iter().filter_map(variable).chain(module).collect(),
        }
    }

    /// Starts Envoy, or borrows one that another test has started, and waits until it listens.
    pub async fn start(self) -> Envoy {
        Envoy::start(&self).await
    }

    /// Has Envoy read the configuration, which it must refuse, and returns its log. If it is
    /// [alone](Self::alone), it must end.
    pub async fn refused(self) -> String {
        envoy::refused(&self).await
    }
}

/// A session key of 32 equal bytes, as the configuration writes it.
#[must_use]
pub fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}
