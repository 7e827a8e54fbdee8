//! Finds the filter's configuration in a document of Envoy, wherever it stands, and what belongs to it.

use mcp_mux_envoy_files::resources::{MODULE, STRUCT, TEXT, WASM};

use super::yaml::Node;
use crate::gateway::Host;
use crate::servers::Fault;

const TYPED_STRUCT: &str = "TypedStruct";

/// The filter in a document.
pub(super) struct Filter<'n> {
    pub(super) host: Host,
    /// The object of the extension.
    pub(super) node: &'n Node,
    /// The configuration.
    pub(super) configuration: Configuration<'n>,
}

/// The configuration in either form.
pub(super) enum Configuration<'n> {
    Object(&'n Node),
    Text(&'n Node),
}

/// All that are in a document, in its order.
pub(super) fn filters<'n>(node: &'n Node, found: &mut Vec<Result<Filter<'n>, Fault>>) {
    if let Some(filter) = filter(node) {
        found.push(filter);
        return;
    }
    for field in node.fields() {
        filters(&field.value, found);
    }
    for item in node.items() {
        filters(item, found);
    }
}

/// `None` for what is no filter of ours.
fn filter(node: &Node) -> Option<Result<Filter<'_>, Fault>> {
    let mut kind = node.get("@type")?.text()?;
    let mut body = node;
    if kind.ends_with(TYPED_STRUCT) {
        (kind, body) = (node.get("type_url")?.text()?, node.get("value")?);
    }
    let name = |keys: &[&str]| body.at(keys).and_then(Node::text).unwrap_or_default();
    let (host, configuration, ours) = match kind {
        WASM => {
            let configuration = body.at(&["config", "configuration"]);
            let code = name(&["config", "vm_config", "code", "local", "filename"]);
            let remote = name(&["config", "vm_config", "code", "remote", "http_uri", "uri"]);
            let names = [name(&["config", "name"]), name(&["config", "root_id"]), code, remote];
            (Host::Wasm, configuration, names.iter().any(|it| it.contains("mcp_mux")))
        }
        MODULE => {
            let names = [name(&["filter_name"]), name(&["dynamic_module_config", "name"])];
            let ours = names.iter().any(|it| it.contains("mcp_mux"));
            (Host::Module, body.get("filter_config").map(|it| &**it), ours)
        }
        _ => return None,
    };
    let Some(configuration) = configuration else {
        let field = if host == Host::Wasm { "config.configuration" } else { "filter_config" };
        let message = format!("no configuration of mcp-mux: expected {field}");
        return ours.then_some(Err(Fault { position: node.position, message }));
    };
    let value = configuration.get("value");
    let form = configuration.get("@type").and_then(|it| it.text()).unwrap_or_default();
    let read = match (form, value) {
        (STRUCT, Some(value)) => Ok(Configuration::Object(value)),
        (TEXT, Some(value)) if value.text().is_some() => Ok(Configuration::Text(value)),
        _ => {
            let message = format!("the configuration: expected {STRUCT} or {TEXT}, and its value");
            Err(Fault { position: configuration.position, message })
        }
    };
    // Other filters have configurations, too.
    let has_upstreams = match &read {
        Ok(Configuration::Object(node)) => node.get("upstreams").is_some(),
        Ok(Configuration::Text(node)) => node.text().is_some_and(|it| it.contains("\"upstreams\"")),
        Err(_) => false,
    };
    let filter = |configuration| Filter { host, node: body, configuration };
    (ours || has_upstreams).then(|| read.map(filter))
}

/// The names of the clusters of a bootstrap; `None` where it has others from elsewhere, or is no bootstrap.
pub(super) fn clusters(document: &Node) -> Option<Vec<&str>> {
    if document.get("dynamic_resources").is_some() {
        return None;
    }
    let clusters = document.at(&["static_resources", "clusters"])?;
    Some(clusters.items().iter().filter_map(|it| it.get("name")?.text()).collect())
}
