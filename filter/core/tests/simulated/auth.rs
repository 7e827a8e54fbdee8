//! What clients are told of how to authenticate (`auth`).

use serde_json::{Value, json};

use crate::world::{INITIALIZE, Request, World, config};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn world() -> World {
    let mut plan = config(&["a"]);
    plan["caller"] = json!({"header": "x-user"});
    plan["auth"] = json!({
        "resource": "https://mcp.example/public/mcp",
        "authorization_servers": ["https://login.example"],
        "scopes": ["tools:read"],
    });
    World::new(&plan)
}

#[test]
fn the_metadata_is_at_both_places_for_everybody() {
    let mut world = world();
    for path in ["", "/public/mcp", "/mcp", "?x=y"] {
        let got = world.send(&Request::get().with(":path", format!("{WELL_KNOWN}{path}")));
        assert_eq!(
            (got.status, got.header("content-type").as_deref()),
            (200, Some("application/json"))
        );
        assert_eq!(got.header("access-control-allow-origin").as_deref(), Some("*"));
        assert_eq!(
            got.json(),
            json!({
                "resource": "https://mcp.example/public/mcp",
                "authorization_servers": ["https://login.example"],
                "scopes_supported": ["tools:read"],
                "bearer_methods_supported": ["header"],
            })
        );
    }
    let ask = |world: &mut World, method: &str, path: &str| {
        let request = Request::get().with(":method", method).with(":path", path);
        world.send(&request.with("origin", "https://inspector.example"))
    };
    let got = ask(&mut world, "OPTIONS", WELL_KNOWN);
    assert_eq!(
        (got.status, got.header("access-control-allow-headers").as_deref()),
        (204, Some("*"))
    );
    let got = ask(&mut world, "PUT", WELL_KNOWN);
    assert_eq!((got.status, got.header("allow").as_deref()), (405, Some("GET, HEAD, OPTIONS")));
    // Not the gateway's.
    for path in ["/.well-known/oauth-protected-resource/x", "/.well-known/openid-configuration"] {
        assert_eq!(ask(&mut world, "GET", path).text(), "<p>another application</p>");
    }
    assert!(world.seen.is_empty());
}

#[test]
fn a_refusal_of_the_gateways_own_challenges() {
    let mut world = world();
    let got = world.send(&Request::rpc("initialize", INITIALIZE));
    assert_eq!(got.refusal(), (401, -32600, Value::Null));
    let challenge = r#"Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/public/mcp", scope="tools:read""#;
    assert_eq!(got.header("www-authenticate").as_deref(), Some(challenge));
    // A page of another origin has no business here, whoever it is.
    let got =
        world.send(&Request::rpc("initialize", INITIALIZE).with("origin", "https://evil.example"));
    assert_eq!((got.status, got.header("www-authenticate")), (403, None));
}
