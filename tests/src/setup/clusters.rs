//! How the clusters of a test are spoken to.

use std::path::Path;

use serde_json::{Value, json};

use super::Setup;
use crate::envoy_config::typed;

const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

impl Setup {
    /// Speaks HTTP/2 to the clusters so far.
    #[must_use]
    pub fn http2(self) -> Self {
        self.protocol(&json!({"explicit_http_config": {"http2_protocol_options": {}}}))
    }

    /// Closes connections to the clusters so far when they have been idle for four seconds, as the
    /// configurations that are shipped do: servers of Node.js and Python close them after five.
    #[must_use]
    pub fn closes_idle(self) -> Self {
        self.protocol(&json!({
            "common_http_protocol_options": {"idle_timeout": "4s"},
            "explicit_http_config": {"http_protocol_options": {}},
        }))
    }

    /// Lets as many requests go to the clusters so far at a time as there are; Envoy's own limit is 1024.
    #[must_use]
    pub fn crowded(mut self) -> Self {
        let all = json!({"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000});
        for cluster in &mut self.clusters {
            cluster["circuit_breakers"] = json!({"thresholds": [all]});
        }
        self
    }

    fn protocol(mut self, options: &Value) -> Self {
        let mut options = options.clone();
        options["@type"] = format!("type.googleapis.com/{OPTIONS}").into();
        for cluster in &mut self.clusters {
            cluster["typed_extension_protocol_options"] = json!({OPTIONS: options});
        }
        self
    }

    /// Has Envoy add this header to each request to the clusters so far: the secret of this name in a file, which
    /// is read again when it is replaced.
    #[must_use]
    pub fn credential(self, header: &str, name: &str, file: &Path) -> Self {
        let source = json!({"path_config_source": {"path": file}, "resource_api_version": "V3"});
        let generic = typed(
            "envoy.extensions.http.injected_credentials.generic.v3.Generic",
            json!({"credential": {"name": name, "sds_config": source}, "header": header}),
        );
        let injector = typed(
            "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
            json!({"overwrite": true, "credential": {"name": "generic", "typed_config": generic}}),
        );
        let codec =
            typed("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec", json!({}));
        self.protocol(&json!({
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [
                {"name": "credential", "typed_config": injector},
                {"name": "codec", "typed_config": codec},
            ],
        }))
    }
}
