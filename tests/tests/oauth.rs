//! A client of an SDK that finds its authorization server, logs in there, and does what its user may.

use std::net::SocketAddr;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::{authorization_server, everything, everything_typescript, node};
use mcp_mux_tests::token::{jwt_authn, token};
use mcp_mux_tests::{Envoy, Request, Setup, Shipped, Upstream, repository, setup};
use serde_json::{Value, json};
use tokio::process::Command;

fn auth(resource: &str, server: &str) -> Value {
    json!({"resource": resource, "authorization_servers": [server], "scopes": ["tools:read"]})
}

async fn client(endpoint: &str, mode: &str, user: &str) -> Value {
    let mut command = Command::new("node");
    command.arg(repository("tests/clients/oauth.mjs")).arg(node()).args([endpoint, mode, user]);
    let seen = output(&mut command).await;
    serde_json::from_str(&seen).unwrap_or_else(|_| panic!("JSON: {seen}"))
}

/// In WebAssembly, Envoy itself has to add the challenge to refusals that come before the gateway.
fn challenging(setup: Setup, challenge: &str) -> Setup {
    if Host::tested() == Host::Module {
        return setup;
    }
    let status = |code: u16| {
        let value = json!({"default_value": code, "runtime_key": "none"});
        json!({"status_code_filter": {"comparison": {"op": "EQ", "value": value}}})
    };
    let path = json!({"name": ":path", "string_match": {"prefix": "/mcp"}});
    let refused = json!({"or_filter": {"filters": [status(401), status(403)]}});
    let header = json!({"key": "www-authenticate", "value": challenge});
    let mapper = json!({
        "filter": {"and_filter": {"filters": [{"header_filter": {"header": path}}, refused]}},
        "headers_to_add": [{"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": header}],
    });
    setup.manager("local_reply_config", json!({"mappers": [mapper]}))
}

/// The challenge that clients need.
fn challenge(error: &str, metadata: &str) -> String {
    format!(r#"Bearer {error}resource_metadata="{metadata}", scope="tools:read""#)
}

/// Two users, each with a client of each era, before a gateway on this port.
async fn log_in(port: u16) {
    let endpoint = format!("http://127.0.0.1:{port}/mcp");
    let metadata = format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource/mcp");
    for (user, mode) in [("ann", "legacy"), ("bob", "auto")] {
        let seen = client(&endpoint, mode, user).await;
        assert_eq!(seen["status"], 401, "{seen}");
        assert_eq!(seen["challenge"], challenge("", &metadata));
        // The SDK asks for a token that lasts as well, since the server has them.
        let scope = seen["scope"].as_str().expect("a scope");
        assert!(scope.split(' ').any(|it| it == "tools:read"), "{seen}");
        assert_eq!(seen["resource"], endpoint);
        assert_eq!(seen["echo"], "Echo: héllo", "{seen}");
        let tools = seen["tools"].as_array().expect("tools");
        if user == "ann" {
            assert!(tools.len() > 1 && seen["links"] == true, "{seen}");
        } else {
            assert_eq!(tools, &[json!("everything__echo")]);
            let refusal = seen["links"].as_str().expect("a message");
            assert!(refusal.contains("Unknown tool: everything__get-resource-links"), "{seen}");
        }
    }
}

/// The configuration that is shipped, but for its ports. Who has called is in its access log.
#[tokio::test]
async fn clients_of_an_sdk_log_in_with_the_configuration_that_is_shipped() {
    let (port, login) = (free_port().await, free_port().await);
    let resource = format!("http://127.0.0.1:{port}/mcp");
    let (_login, server) = tokio::join!(authorization_server(login, &resource), everything());
    let replaced = [
        ("localhost:8080", format!("127.0.0.1:{port}")),
        ("localhost:3000", format!("127.0.0.1:{login}")),
        ("port_value: 8080", format!("port_value: {port}")),
        ("port_value: 3000", format!("port_value: {login}")),
        ("port_value: 3001", format!("port_value: {}", server.address.port())),
    ];
    let mut shipped = Shipped::read("envoy/oauth.yaml", &replaced).await;
    if Host::tested() == Host::Module {
        let manager = shipped.manager().as_object_mut().expect("an object");
        manager.remove("local_reply_config").expect("what the native host does without");
    }
    let key = setup::key(1);
    let envoy = Envoy::start_file_with(&shipped.text(), &[("MCP_MUX_SESSION_KEYS", &key)]).await;
    log_in(port).await;
    for (user, era) in [("ann", "handshake"), ("bob", "stateless")] {
        let is_call = |line: &Value| line["mcp_caller"] == user && line["mcp_name"] == "echo";
        let line = envoy.access(&format!("a call of {user}"), is_call).await;
        assert_eq!(line["mcp_era"], era, "{line}");
    }
}

/// The same in either host, before a server of each era.
async fn clients_log_in(server: Service) {
    let (port, login) = (free_port().await, free_port().await);
    let resource = format!("http://127.0.0.1:{port}/mcp");
    let issuer = format!("http://127.0.0.1:{login}");
    let _login = authorization_server(login, &resource).await;
    let keys = json!({"uri": format!("{issuer}/jwks"), "cluster": "login", "timeout": "5s"});
    let provider = json!({
        "issuer": issuer,
        "audiences": [resource],
        "local_jwks": null,
        "remote_jwks": {"http_uri": keys, "cache_duration": "300s"},
        "forward_payload_header": "x-jwt-payload",
    });
    let metadata = format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource/mcp");
    let _envoy = challenging(Setup::new(), &challenge("", &metadata))
        .upstream_at("everything", server.address, &json!({}))
        .cluster("login", SocketAddr::from(([127, 0, 0, 1], login)))
        .set("auth", auth(&resource, &issuer))
        .set("caller", json!({"claim": "sub", "payload_header": "x-jwt-payload"}))
        .set(
            "rules",
            json!([
                {"when": {"claim": "groups", "has": "admins"}, "tools": {}},
                {"when": {"claim": "scope", "has": "tools:read"}, "tools": {"allow": ["*__echo"]}},
            ]),
        )
        .behind(jwt_authn(&provider))
        .port(port)
        .start()
        .await;
    log_in(port).await;
}

#[tokio::test]
async fn clients_of_an_sdk_log_in_before_a_server_with_sessions() {
    clients_log_in(everything().await).await;
}

#[tokio::test]
async fn clients_of_an_sdk_log_in_before_a_stateless_server() {
    clients_log_in(everything_typescript("stateless", free_port().await).await).await;
}

/// Each refusal of Envoy's own gets the challenge, on the endpoint alone.
#[tokio::test]
async fn refusals_of_envoys_own_say_where_tokens_come_from() {
    let a = Upstream::named("a").start().await;
    let resource = "https://mcp.example/mcp";
    let mut filter = jwt_authn(&json!({"audiences": [resource]}));
    let private = json!({"match": {"path": "/private"}, "requires": {"provider_name": "issuer"}});
    filter["typed_config"]["rules"].as_array_mut().expect("rules").push(private);
    let metadata = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
    let envoy = challenging(Setup::new(), &challenge("", metadata))
        .upstream(&a)
        .set("auth", auth(resource, "https://login.example"))
        .behind(filter)
        .start()
        .await;
    let good = token(&json!({"sub": "ann", "aud": resource}));
    let foreign = token(&json!({"sub": "ann", "aud": "https://other.example"}));
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (authorization, status, error) in [
        (None, 401, ""),
        (Some(format!("Bearer {good}x")), 401, r#"error="invalid_token", "#),
        (Some(format!("Bearer {foreign}")), 403, r#"error="insufficient_scope", "#),
    ] {
        let mut request = Request::post(&envoy, ping);
        if let Some(authorization) = &authorization {
            request = request.header("authorization", authorization);
        }
        let reply = request.send().await;
        assert_eq!(reply.status, status, "{reply:?}");
        // What Envoy itself adds is the same for all.
        let error = if Host::tested() == Host::Module { error } else { "" };
        let challenge = challenge(error, metadata);
        assert_eq!(reply.header("www-authenticate"), Some(challenge.as_str()), "{reply:?}");
    }
    let reply = Request::new(&envoy, "GET", "/private").send().await;
    assert_eq!(reply.status, 401);
    assert!(!reply.header("www-authenticate").expect("a challenge").contains("resource_metadata"));
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let reply = Request::new(&envoy, "GET", &path).send().await;
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!((reply.status, &told["resource"]), (200, &json!(resource)));
    }
    // With a token, a request gets as far as the gateway: it has no session.
    let reply = Request::post(&envoy, ping).header("authorization", format!("Bearer {good}"));
    assert_eq!(reply.send().await.status, 400);
}
