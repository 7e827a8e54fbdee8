//! The headers that servers are to get. Their values are secrets: Envoy has them from its environment or from
//! files of their own, and adds them at the cluster, so they are in no configuration.

use mcp_mux_envoy_files::resources::{response, set};
use serde_json::{Value, json};

use super::Upstream;
use super::plugin::may_be_set;
use crate::servers::Header;

const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const INJECTOR: &str =
    "type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector";
const GENERIC: &str =
    "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic";

/// Where Envoy has the values from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Its environment.
    Environment,
    /// Files in this folder, which it watches.
    Files(&'a str),
}

/// One header of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What Envoy calls it.
    pub name: String,
    /// The header.
    pub header: String,
    /// What stands before the value, such as `Bearer `.
    pub prefix: String,
    /// The variable with the value.
    pub variable: String,
    /// Whether that variable is one that the file of servers names.
    pub named: bool,
    /// The value without what stands before it, where it is known.
    value: Option<String>,
    /// Where the file of servers has the header.
    pub place: String,
}

/// The headers that this server gets, without those that are the gateway's own.
#[must_use]
pub fn secrets(upstream: &Upstream) -> Vec<Secret> {
    let headers = upstream.remote().map_or(&[][..], |remote| &remote.headers);
    let ours = headers.iter().filter(|header| may_be_set(&header.name));
    ours.map(|header| secret(upstream, header)).collect()
}

/// The headers of the file that are left out.
#[must_use]
pub fn left_out(upstream: &Upstream) -> Vec<&str> {
    let headers = upstream.remote().map_or(&[][..], |remote| &remote.headers);
    headers.iter().map(|header| header.name.as_str()).filter(|name| !may_be_set(name)).collect()
}

fn secret(upstream: &Upstream, header: &Header) -> Secret {
    let (prefix, variable) = header.variable.clone().unwrap_or_else(|| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let text = format!("mcp_mux_{}_{}", upstream.server.name, header.name);
        (String::new(), text.chars().map(plain).collect())
    });
    let value =
        header.value.as_ref().map(|value| value.strip_prefix(&prefix).unwrap_or(value).to_owned());
    Secret {
        name: format!("{}.{}", upstream.cluster(), header.name),
        header: header.name.clone(),
        prefix,
        variable,
        named: header.variable.is_some(),
        value,
        place: format!("{}.headers.{}", upstream.server.place, header.name),
    }
}

impl Secret {
    /// The filter of a cluster that adds the header.
    #[must_use]
    pub fn filter(&self, source: Source<'_>) -> Value {
        let mut credential = json!({"name": self.name});
        if let Source::Files(folder) = source {
            let config = json!({
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": format!("{folder}/{}", self.file_name()),
                    "watched_directory": {"path": folder},
                },
            });
            set(&mut credential, "sds_config", config);
        }
        let mut generic =
            json!({"@type": GENERIC, "credential": credential, "header": self.header});
        if !self.prefix.is_empty() {
            set(&mut generic, "header_value_prefix", json!(self.prefix));
        }
        json!({
            "name": format!("envoy.filters.http.credential_injector.{}", self.header),
            "typed_config": {
                "@type": INJECTOR,
                "overwrite": true,
                "credential": {
                    "name": "envoy.http.injected_credentials.generic",
                    "typed_config": generic,
                },
            },
        })
    }

    /// The secret that is in the environment.
    #[must_use]
    pub fn of_environment(&self) -> Value {
        let secret = json!({"environment_variable": self.variable});
        json!({"name": self.name, "generic_secret": {"secret": secret}})
    }

    /// The file with the secret: its name and what is in it.
    #[must_use]
    pub fn file(&self) -> (String, Vec<u8>) {
        let secret = json!({
            "@type": SECRET,
            "name": self.name,
            "generic_secret": {"secret": {"inline_string": self.value.clone().unwrap_or_default()}},
        });
        (self.file_name(), response(SECRET, vec![secret]))
    }

    /// The name of that file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("secret.{}.json", self.name)
    }
}
