//! Who may do what, behind Envoy's `jwt_authn`: two users with different rights at one endpoint.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::token::{jwt_authn, token};
use mcp_mux_tests::{Envoy, Reply, Request, Setup, Upstream};
use serde_json::{Value, json};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;

fn request(envoy: &Envoy, body: &str, token: &str) -> Request {
    Request::post(envoy, body.to_owned()).header("authorization", format!("Bearer {token}"))
}

/// A user with a session.
struct User<'e> {
    envoy: &'e Envoy,
    token: String,
    session: String,
}

impl<'e> User<'e> {
    async fn open(envoy: &'e Envoy, claims: Value) -> Self {
        let token = token(&claims);
        let reply = request(envoy, INITIALIZE, &token).send().await;
        let session = reply.headers.get("mcp-session-id").expect("a session");
        Self { envoy, token, session: session.to_str().expect("a text").to_owned() }
    }

    async fn ask(&self, method: &str, params: &Value) -> Reply {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = request(self.envoy, &body.to_string(), &self.token);
        request.header("mcp-session-id", &self.session).send().await
    }

    async fn names(&self) -> Vec<String> {
        let result = self.ask("tools/list", &json!({})).await.result();
        let tools = result["tools"].as_array().expect("tools").iter();
        tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }
}

async fn two_users(provider: Value, caller: Value) {
    let a = Upstream::named("a").tools(&["read", "drop"]).start().await;
    let envoy = Setup::new()
        .upstream(&a)
        .set("caller", caller)
        .set("catalog", json!({"ttl": "1h", "scope": "public"}))
        .set(
            "rules",
            json!([
                {"when": {"claim": "groups", "has": "admins"}, "tools": {}},
                {"when": {"claim": ["realm", "roles"], "has": "reader"}, "tools": {"allow": ["a__read"]}},
                {"when": {"claim": "scope", "has": "drop"}, "tools": {"allow": ["*__drop"]}},
            ]),
        )
        .behind(jwt_authn(&provider))
        .start()
        .await;
    let ann = User::open(&envoy, json!({"sub": "ann", "groups": ["staff", "admins"]})).await;
    let bob = User::open(&envoy, json!({"sub": "bob", "realm": {"roles": ["reader"]}})).await;
    let cat = User::open(&envoy, json!({"sub": "cat", "groups": [], "scope": "read drop"})).await;
    let eve =
        User::open(&envoy, json!({"sub": "eve", "groups": "adminsx", "scope": "dropx"})).await;
    for _ in 0..2 {
        assert_eq!(ann.names().await, ["a__read", "a__drop"]);
        assert_eq!(bob.names().await, ["a__read"]);
        assert_eq!(cat.names().await, ["a__drop"]);
        assert_eq!(eve.names().await, Vec::<String>::new());
    }
    for (user, tool, is_there) in [
        (&ann, "a__read", true),
        (&ann, "a__drop", true),
        (&bob, "a__read", true),
        (&bob, "a__drop", false),
        (&cat, "a__drop", true),
        (&eve, "a__read", false),
    ] {
        a.forget();
        let reply = user.ask("tools/call", &json!({"name": tool, "arguments": {}})).await;
        assert_eq!(reply.message().get("result").is_some(), is_there, "{tool}: {reply:?}");
        assert_eq!(a.seen_of("tools/call").len(), usize::from(is_there));
        if !is_there {
            assert_eq!(reply.message()["error"]["code"], -32602);
        }
    }
    let stolen = User { envoy: &envoy, token: bob.token.clone(), session: ann.session.clone() };
    assert_eq!(stolen.ask("tools/list", &json!({})).await.status, 404);
    assert_eq!(Request::post(&envoy, INITIALIZE).send().await.status, 401);
    let nobody = token(&json!({"groups": ["admins"]}));
    assert_eq!(request(&envoy, INITIALIZE, &nobody).send().await.status, 401);
    for seen in a.seen() {
        for name in ["authorization", "x-jwt-payload"] {
            assert!(seen.header(name).is_none(), "{name}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn two_users_by_the_claims_in_a_header() {
    let provider = json!({"forward_payload_header": "x-jwt-payload", "forward": true});
    two_users(provider, json!({"claim": "sub", "payload_header": "x-jwt-payload"})).await;
}

#[tokio::test]
async fn two_users_by_the_claims_in_metadata() {
    let provider = json!({"payload_in_metadata": "jwt_payload"});
    let caller = json!({"claim": "sub"});
    if Host::tested() == Host::Wasm {
        two_users(provider, caller).await;
        return;
    }
    let a = Upstream::named("a").start().await;
    let log = Setup::new().upstream(&a).set("caller", caller).refused().await;
    assert!(log.contains("caller.payload_header: found nothing"), "{log}");
}

/// `jwt_authn` puts its own header in place of one that a client has made up.
#[tokio::test]
async fn a_header_that_a_client_has_made_up_is_not_believed() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new()
        .upstream(&a)
        .set("caller", json!({"claim": "sub", "payload_header": "x-jwt-payload"}))
        .set("rules", json!([{"when": {"caller": ["ann"]}, "tools": {}}]))
        .behind(jwt_authn(&json!({"forward_payload_header": "x-jwt-payload"})))
        .start()
        .await;
    let ann = token(&json!({"sub": "ann"}));
    let claims = ann.split('.').nth(1).expect("claims").to_owned();
    let user = User::open(&envoy, json!({"sub": "bob"})).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let reply = request(&envoy, body, &user.token)
        .header("mcp-session-id", &user.session)
        .header("x-jwt-payload", claims)
        .send()
        .await;
    assert_eq!(reply.result()["tools"], json!([]), "{reply:?}");
}
