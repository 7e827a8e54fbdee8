//! The manifests of `kind-cluster/`: whether Kubernetes would take them, and what they promise.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::kubernetes::{documents, file, only, rendered};
use mcp_mux_tests::repository;
use serde_json::{Value, json};

/// The oldest version of Kubernetes that is asked, and the newest that has schemas.
const VERSIONS: [&str; 3] = ["1.29", "1.33", "1.37"];

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything that the walkthrough applies, in the host that is tested.
async fn manifests() -> Vec<Value> {
    let yaml =
        [rendered(Host::tested()).await, read("kind-cluster/servers/time.yaml")].join("\n---\n");
    documents(&yaml, &VERSIONS).await.unwrap_or_else(|fault| panic!("{fault}"))
}

/// The servers that are there in the tested host alone.
fn more() -> Vec<&'static str> {
    if Host::tested() == Host::Module { vec!["files"] } else { Vec::new() }
}

/// The pods of all Deployments, with the names of these.
fn pods(manifests: &[Value]) -> Vec<(&str, &Value)> {
    let deployments = manifests.iter().filter(|it| it["kind"] == "Deployment");
    deployments
        .map(|it| (it["metadata"]["name"].as_str().expect("a name"), &it["spec"]["template"]))
        .collect()
}

fn containers<'p>(pod: &'p Value, field: &str) -> &'p [Value] {
    pod["spec"][field].as_array().map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn kubernetes_knows_every_field_of_the_manifests() {
    let manifests = manifests().await;
    let kinds = |kind| manifests.iter().filter(|it| it["kind"] == kind).count();
    let counts = ["Deployment", "Service", "NetworkPolicy", "Namespace"].map(kinds);
    // The native host has one server more, of a transport that it alone speaks.
    let pods = 4 + more().len();
    assert_eq!(counts, [pods, pods, 4, 1]);
    // The check itself finds what is wrong.
    for (right, wrong, why) in [
        ("replicas: 1", "replica: 1", "'replica' was unexpected"),
        ("runAsUser: 1000", "runAsUser: me", "'me' is not of type"),
        ("port: 3003", "port: 3003, port: 3003", "stands twice"),
    ] {
        let yaml = read("kind-cluster/servers/time.yaml").replace(right, wrong);
        let fault = documents(&yaml, &VERSIONS).await.expect_err(wrong);
        assert!(fault.contains(why), "{fault}");
    }
}

#[tokio::test]
async fn no_container_may_do_more_than_it_needs() {
    let manifests = manifests().await;
    for (name, pod) in pods(&manifests) {
        let security = &pod["spec"]["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false, "{name}");
        let all = [containers(pod, "initContainers"), containers(pod, "containers")].concat();
        for container in all {
            let name = format!("{name}/{}", container["name"]);
            let expected = json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            });
            assert_eq!(container["securityContext"], expected, "{name}");
            let resources = &container["resources"];
            assert!(resources["requests"]["cpu"].is_string(), "{name}");
            assert!(resources["requests"]["memory"].is_string(), "{name}");
            assert!(resources["limits"]["memory"].is_string(), "{name}");
            let image = container["image"].as_str().expect("an image");
            assert!(image.contains(':') && !image.ends_with(":latest"), "{name}: {image}");
        }
        // What serves is probed. Discovery serves nothing.
        for container in containers(pod, "containers").iter().filter(|it| it["name"] != "discovery")
        {
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                assert!(container[probe].is_object(), "{name}: {probe}");
            }
        }
    }
}

#[tokio::test]
async fn discovery_alone_has_a_token_and_may_only_look_and_report() {
    let manifests = manifests().await;
    let rules = only(&manifests, "Role", "gateway")["rules"].as_array().expect("rules");
    for rule in rules {
        let verbs = rule["verbs"].as_array().expect("verbs");
        let events = rule["resources"] == json!(["events"]);
        let allowed: &[&str] = if events { &["create"] } else { &["list", "watch"] };
        assert!(verbs.iter().all(|verb| allowed.iter().any(|it| verb == it)), "{rule}");
        assert!(!rule["resources"].to_string().contains("secrets"), "{rule}");
    }
    for (name, pod) in pods(&manifests) {
        let all = [containers(pod, "initContainers"), containers(pod, "containers")].concat();
        for container in all {
            let has_token = container["volumeMounts"].to_string().contains("serviceaccount");
            let discovery = container["name"].to_string().contains("discovery");
            assert_eq!(has_token, discovery, "{name}/{}", container["name"]);
            let has_key = container["env"].to_string().contains("session-keys");
            assert_eq!(has_key, container["name"] == "envoy", "{name}/{}", container["name"]);
        }
    }
}

/// The pods that a selector of labels means.
fn selected<'p>(pods: &[(&'p str, &Value)], selector: &Value) -> Vec<&'p str> {
    let wanted = selector["matchLabels"].as_object().cloned().unwrap_or_default();
    let is_meant =
        |pod: &Value| wanted.iter().all(|(key, value)| &pod["metadata"]["labels"][key] == value);
    pods.iter().filter(|(_, pod)| is_meant(pod)).map(|(name, _)| *name).collect()
}

#[tokio::test]
async fn only_the_gateway_reaches_a_server_and_a_server_reaches_only_the_web() {
    let manifests = manifests().await;
    let pods = pods(&manifests);
    let policy = |name| &only(&manifests, "NetworkPolicy", name)["spec"];
    let mut upstreams = [vec!["everything", "fetch", "time"], more()].concat();
    upstreams.sort_unstable();
    let servers_of = |selector: &Value| {
        let mut names = selected(&pods, selector);
        names.sort_unstable();
        names
    };
    let nothing = policy("nothing-by-default");
    assert_eq!(selected(&pods, &nothing["podSelector"]).len(), upstreams.len() + 1);
    assert_eq!((&nothing["ingress"], &nothing["egress"]), (&Value::Null, &Value::Null));
    let servers = policy("upstreams");
    assert_eq!(servers_of(&servers["podSelector"]), upstreams);
    let from = servers["ingress"][0]["from"].as_array().expect("peers");
    assert_eq!((from.len(), selected(&pods, &from[0]["podSelector"])), (1, vec!["gateway"]));
    let to = servers["egress"][0]["to"].as_array().expect("peers");
    let except = to[0]["ipBlock"]["except"].to_string();
    for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"] {
        assert!(to.len() == 1 && except.contains(private), "{except}");
    }
    let gateway = policy("gateway");
    assert_eq!(selected(&pods, &gateway["podSelector"]), ["gateway"]);
    let to = &gateway["egress"][0]["to"][0]["podSelector"];
    assert_eq!(servers_of(to), upstreams);
    assert_eq!(gateway["ingress"], json!([{"ports": [{"port": 8080, "protocol": "TCP"}]}]));
}

#[tokio::test]
async fn a_service_leads_to_its_pods_and_its_label_federates_it() {
    let manifests = manifests().await;
    let pods = pods(&manifests);
    let more = more().into_iter().map(|name| (name, true));
    let of_both = [("everything", true), ("fetch", true), ("time", false), ("gateway", false)];
    for (name, federated) in of_both.into_iter().chain(more) {
        let service = only(&manifests, "Service", name);
        let selector = json!({"matchLabels": service["spec"]["selector"]});
        assert_eq!(selected(&pods, &selector), [name]);
        let label = &service["metadata"]["labels"]["mcp-mux/upstream"];
        assert_eq!(label, &if federated { json!("true") } else { Value::Null }, "{name}");
        let pod = pods.iter().find(|it| it.0 == name).expect("a pod").1;
        let port = &service["spec"]["ports"][0]["targetPort"];
        let ports = pod["spec"]["containers"][0]["ports"].as_array().expect("ports");
        assert!(ports.iter().any(|it| &it["name"] == port), "{name}: {port}");
        assert_eq!(port == "mcp", name != "gateway");
    }
    let settings = file(&manifests, "discovery", "discovery.yaml");
    assert!(settings.contains("selector: mcp-mux/upstream=true"), "{settings}");
}

#[tokio::test]
async fn the_servers_are_those_that_the_other_tests_run() {
    let manifests = manifests().await;
    let deployment = |name| only(&manifests, "Deployment", name).to_string();
    let packages: Value = serde_json::from_str(&read("scripts/node/package.json")).expect("JSON");
    let everything = "@modelcontextprotocol/server-everything";
    let version = packages["dependencies"][everything].as_str().expect("a version");
    assert!(deployment("everything").contains(&format!("{everything}@{version}")));
    let pinned = read("scripts/python/requirements.txt");
    let pinned = |package: &str| {
        let mut lines = pinned.lines();
        lines.find(|line| line.starts_with(&format!("{package}=="))).expect("a version").to_owned()
    };
    for package in [pinned("fastmcp"), pinned("mcp-server-fetch")] {
        assert!(deployment("fetch").contains(&package), "{package}");
    }
    assert!(deployment("time").contains(&pinned("fastmcp")));
    for name in more() {
        for package in ["@modelcontextprotocol/server-filesystem", "supergateway"] {
            let version = packages["dependencies"][package].as_str().expect("a version");
            assert!(deployment(name).contains(&format!("{package}@{version}")), "{package}");
        }
    }
    let envoy = read("scripts/install");
    let envoy = envoy.lines().find_map(|it| it.strip_prefix("readonly envoy_version="));
    assert!(
        deployment("gateway").contains(&format!("envoyproxy/envoy:v{}", envoy.expect("a version")))
    );
}

#[tokio::test]
async fn the_hosts_differ_in_the_file_and_in_what_leads_to_it() {
    let of = async |host| documents(&rendered(host).await, &VERSIONS).await.expect("manifests");
    let (wasm, mut module) = tokio::join!(of(Host::Wasm), of(Host::Module));
    let gateway = module
        .iter_mut()
        .find(|it| it["kind"] == "Deployment" && it["metadata"]["name"] == "gateway");
    let pod = &mut gateway.expect("the gateway")["spec"]["template"]["spec"];
    let copied = &mut pod["initContainers"][0]["command"];
    assert_eq!(copied.take(), json!(["cp", "/opt/mcp-mux/libmcp_mux.so", "/run/mcp-mux/"]));
    *copied = json!(["cp", "/opt/mcp-mux/mcp_mux.wasm", "/run/mcp-mux/"]);
    let dockerfile = read("kind-cluster/Dockerfile");
    assert!(dockerfile.contains(" mcp_mux.wasm libmcp_mux.so "), "{dockerfile}");
    for (list, name, variable, value) in [
        ("containers", "envoy", "ENVOY_DYNAMIC_MODULES_SEARCH_PATH", "/run/mcp-mux"),
        ("initContainers", "discovery-once", "MCP_MUX_HOST", "module"),
        ("containers", "discovery", "MCP_MUX_HOST", "module"),
    ] {
        let containers = pod[list].as_array_mut().expect("containers");
        let container = containers.iter_mut().find(|it| it["name"] == name).expect(name);
        let variables = container["env"].as_array_mut().expect("variables");
        let is_it = |it: &Value| it == &json!({"name": variable, "value": value});
        let before = variables.len();
        variables.retain(|it| !is_it(it));
        assert_eq!(variables.len() + 1, before, "{name}: {variable}");
        if variables.is_empty() {
            container.as_object_mut().expect("a container").remove("env");
        }
    }
    // Two servers are of the transport that this host alone speaks, and one of these is there for that alone.
    module.retain(|it| it["metadata"]["name"] != "files");
    let fetch = |it: &&mut Value| it["metadata"]["name"] == "fetch";
    for it in module.iter_mut().filter(fetch) {
        if it["kind"] == "Service" {
            let annotations =
                it["metadata"].as_object_mut().expect("metadata").remove("annotations");
            assert_eq!(annotations, Some(json!({"mcp-mux/transport": "sse"})));
        } else if it["kind"] == "Deployment" {
            let transport = &mut it["spec"]["template"]["spec"]["containers"][0]["args"][1];
            assert_eq!(std::mem::replace(transport, json!("http")), "sse");
        }
    }
    assert_eq!(wasm, module);
}
