//! A configuration that is shipped, before scripted servers.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Envoy, Upstream, repository, setup};

/// Two servers, and the shipped configuration of the tested host before them.
pub(super) struct Shipped {
    pub(super) everything: Upstream,
    pub(super) fetch: Upstream,
    pub(super) envoy: Envoy,
}

impl Shipped {
    /// With a status page, and with calls measured by tool.
    pub(super) async fn start(everything: Upstream, fetch: Upstream) -> Self {
        let file = match Host::tested() {
            Host::Wasm => "envoy/minimal.yaml",
            Host::Module => "envoy/module.yaml",
        };
        let yaml = std::fs::read_to_string(repository(file)).expect(file);
        let key = setup::key(1);
        let mut environment = vec![("MCP_MUX_SESSION_KEYS", key.as_str())];
        let module = Host::tested().environment();
        environment
            .extend(module.as_ref().map(|(name, path)| (*name, path.to_str().expect("UTF-8"))));
        let keys = "session: {keys_env: MCP_MUX_SESSION_KEYS}";
        let line = yaml.lines().find(|line| line.contains(keys)).expect("the line with the keys");
        let space = &line[..line.len() - line.trim_start().len()];
        let more = format!("{keys}\n{space}status: /mcp/status\n{space}metrics: {{tools: true}}");
        let yaml = yaml.replacen(keys, &more, 1);
        let yaml = [(3001, &everything), (3002, &fetch)].iter().fold(yaml, |yaml, (port, it)| {
            let to = format!("port_value: {}", it.address.port());
            yaml.replace(&format!("port_value: {port}"), &to)
        });
        let envoy = Envoy::start_file_with(&yaml, &environment).await;
        Self { everything, fetch, envoy }
    }
}
