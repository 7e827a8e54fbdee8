//! The settings file, checked as a whole before anything is watched.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::ValueEnum;
use mcp_mux_core::Key;
use mcp_mux_core::config::{ConfigError, Environment, LONGEST, MOST_UPSTREAMS, compile};
use mcp_mux_core::gateway;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// In `namespaces`: all of them.
const ALL: &str = "*";

/// The longest entry of a discovered upstream, in bytes of JSON: the filter takes 2048 characters of each of
/// two fields, of which JSON may make twice as many, and little else.
const ENTRY: usize = 9 * 1024;

/// 32 zero bytes: stands for the keys that only Envoy has in its environment.
const ANY_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What `--config` names. `discovery/README.md` describes each field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The label selector of the Services.
    #[serde(default = "default_selector")]
    pub selector: String,
    /// Where they are looked for.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// The directory of the files.
    pub output: PathBuf,
    /// The DNS domain of the Kubernetes cluster.
    #[serde(default = "default_domain")]
    pub cluster_domain: String,
    /// The host that runs the filter. The command line goes before this.
    #[serde(default)]
    pub host: Host,
    /// For WebAssembly: the filter's code, and the machine that runs it.
    #[serde(default)]
    pub wasm: Wasm,
    /// For the native host: where Envoy finds the filter.
    #[serde(default)]
    pub module: Module,
    /// The filter's own configuration, with the upstreams that are not discovered.
    #[serde(default)]
    pub gateway: Gateway,
    /// What all clusters have in common.
    #[serde(default)]
    pub clusters: Clusters,
}

/// `namespaces`: by default the one that this program runs in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Vec<String>")]
pub enum Namespaces {
    /// The one that this program runs in.
    #[default]
    Own,
    /// These.
    Listed(Vec<String>),
    /// Every one.
    All,
}

impl TryFrom<Vec<String>> for Namespaces {
    type Error = String;

    fn try_from(mut names: Vec<String>) -> Result<Self, String> {
        names.sort_unstable();
        names.dedup();
        match names.as_slice() {
            [] => Err(format!("namespaces: name at least one, or \"{ALL}\" for all")),
            [all] if all == ALL => Ok(Self::All),
            names if !names.iter().all(|name| is_label(name)) => {
                Err(format!("namespaces: either names of namespaces, or \"{ALL}\" alone"))
            }
            _ => Ok(Self::Listed(names)),
        }
    }
}

/// `host`: what runs the filter. `docs/hosts.md` compares them.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Host {
    /// WebAssembly: `mcp_mux.wasm`.
    #[default]
    Wasm,
    /// Native: `libmcp_mux.so`, a dynamic module of Envoy.
    Module,
}

/// `module`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Module {
    /// The file is `lib<name>.so`, in the folder that Envoy has in `ENVOY_DYNAMIC_MODULES_SEARCH_PATH`.
    pub name: String,
}

impl Default for Module {
    fn default() -> Self {
        Self { name: "mcp_mux".to_owned() }
    }
}

/// `wasm`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wasm {
    /// The path of `mcp_mux.wasm` as Envoy sees it.
    pub file: String,
    /// Fields of Envoy's `VmConfig` besides the code, as they are.
    #[serde(default)]
    pub vm_config: Map<String, Value>,
}

/// `gateway`: the filter's configuration without the upstreams that are discovered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Gateway(Map<String, Value>);

/// `clusters`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clusters {
    /// How long a connection may take to be made, as Envoy writes durations: `2s`, `0.25s`.
    pub connect_timeout: String,
    /// How requests are spread over the endpoints of a Service.
    pub lb_policy: LbPolicy,
}

impl Default for Clusters {
    fn default() -> Self {
        Self { connect_timeout: "2s".to_owned(), lb_policy: LbPolicy::LeastRequest }
    }
}

/// Envoy's policies that need nothing else in a cluster.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LbPolicy {
    /// `ROUND_ROBIN`.
    RoundRobin,
    /// `LEAST_REQUEST`.
    LeastRequest,
    /// `RANDOM`.
    Random,
}

fn default_selector() -> String {
    "mcp-mux/upstream=true".to_owned()
}

fn default_domain() -> String {
    "cluster.local".to_owned()
}

impl Settings {
    /// Reads the file, YAML or JSON; for this host, if the command line names one.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn load(path: &Path, host: Option<Host>) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: the settings cannot be read", path.display()))?;
        Self::parse(&text, host)
            .with_context(|| format!("{}: the settings are wrong", path.display()))
    }

    /// Reads a text, YAML or JSON; for this host, if one is named.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn parse(text: &str, host: Option<Host>) -> anyhow::Result<Self> {
        let mut settings: Self = serde_saphyr::from_str(text)?;
        settings.host = host.unwrap_or(settings.host);
        ensure!(
            !settings.selector.trim().is_empty(),
            "selector: found nothing, which is every Service"
        );
        ensure!(
            settings.output.is_absolute(),
            "output: {} is no absolute path, and Envoy may run elsewhere",
            settings.output.display()
        );
        match settings.host {
            Host::Wasm => ensure!(
                !settings.wasm.file.is_empty(),
                "wasm.file: found nothing, expected a path (or the host `module`)"
            ),
            Host::Module => {
                let name = &settings.module.name;
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
                ensure!(
                    !name.is_empty() && name.bytes().all(plain),
                    "module.name: found {name:?}, expected what stands between `lib` and `.so`"
                );
            }
        }
        let timeout = &settings.clusters.connect_timeout;
        if !is_duration(timeout) {
            bail!("clusters.connect_timeout: found {timeout:?}, expected seconds such as \"2s\"");
        }
        let domain = &settings.cluster_domain;
        if !domain.split('.').all(is_label) {
            bail!("cluster_domain: found {domain:?}, expected a domain such as \"cluster.local\"");
        }
        if settings.wasm.vm_config.contains_key("code") {
            bail!("wasm.vm_config.code: the code is named by wasm.file");
        }
        settings.gateway.check_alone(settings.host)?;
        Ok(settings)
    }
}

/// Seconds, as Envoy reads them: at most nine digits behind the point, and more than none.
fn is_duration(text: &str) -> bool {
    let Some(seconds) = text.strip_suffix('s') else { return false };
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 6) && digits(part, 9) && seconds.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// RFC 1123, as the names of namespaces and of Services are.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Gateway {
    /// The filter's configuration with these upstreams behind the static ones.
    ///
    /// `listen` may name an upstream that is not there at the moment, and is left out meanwhile.
    #[must_use]
    pub fn with(&self, discovered: &[Value]) -> Value {
        let mut document = self.0.clone();
        let upstreams = document.entry("upstreams").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(upstreams) = upstreams {
            upstreams.extend_from_slice(discovered);
            let named: Vec<Value> =
                upstreams.iter().map(|it| it.get("name").cloned().unwrap_or_default()).collect();
            if document.get("listen").is_some_and(|it| it.is_string() && !named.contains(it)) {
                document.remove("listen");
            }
        }
        Value::Object(document)
    }

    /// The same without the static upstreams.
    #[must_use]
    pub fn without_upstreams(&self) -> Self {
        let mut document = self.0.clone();
        document.remove("upstreams");
        Self(document)
    }

    /// Checks what does not depend on who is discovered.
    fn check_alone(&self, host: Host) -> anyhow::Result<()> {
        let room = LONGEST - MOST_UPSTREAMS * ENTRY;
        let length = self.with(&[]).to_string().len();
        ensure!(length <= room, "gateway: found {length} bytes, expected at most {room}");
        // It may be none of the static upstreams, but it has to be a name.
        if let Some(listen) = self.0.get("listen")
            && let Err(ConfigError { found, expected, .. }) =
                Self::default().check(host, &[json!({"name": listen})])
        {
            bail!("gateway.listen: found {found}, expected {expected}");
        }
        self.check(host, &[]).map_err(|error| anyhow!("gateway.{error}"))?;
        Ok(())
    }

    /// Reads the configuration as the filter will, in this host.
    ///
    /// # Errors
    ///
    /// What the filter would say.
    pub fn check(&self, host: Host, discovered: &[Value]) -> Result<gateway::Gateway, ConfigError> {
        let surroundings = Environment {
            variable: &|_| Some(ANY_KEY.to_owned()),
            process_key: &|| Ok(Key::new([0; 32])),
            streams: host == Host::Module,
            claims: host != Host::Module,
            bridges: host == Host::Module,
        };
        compile(self.with(discovered).to_string().as_bytes(), surroundings)
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
