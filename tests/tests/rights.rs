//! Two users with different rights at one endpoint, in both eras, with lists from memory.

mod theft;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::{initialize, texts};
use mcp_mux_tests::server::can;
use mcp_mux_tests::token::{jwt_authn, token};
use mcp_mux_tests::{Answer, Builder, Envoy, Reply, Request, Setup, Upstream};
use serde_json::{Value, json};

use crate::stateless::stateless;

const REVISION: &str = "2026-07-28";

/// How a user asks: in a session, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Handshake,
    Stateless,
}

/// Who may do everything (`ann`), or what is public (`bob`).
struct User<'e> {
    envoy: &'e Envoy,
    token: String,
    session: String,
    name: &'static str,
}

impl<'e> User<'e> {
    async fn open(envoy: &'e Envoy, name: &'static str) -> Self {
        let groups = if name == "ann" { json!(["users", "admins"]) } else { json!(["users"]) };
        let token = token(&json!({"sub": name, "groups": groups}));
        let mut user = Self { envoy, token, session: String::new(), name };
        let reply = user.post(&initialize("2025-11-25")).send().await;
        reply.header("mcp-session-id").expect("a session").clone_into(&mut user.session);
        user
    }

    fn http(&self, method: &str) -> Request {
        let request = Request::new(self.envoy, method, "/mcp");
        request.header("authorization", format!("Bearer {}", self.token))
    }

    fn post(&self, body: &str) -> Request {
        let request = Request::post(self.envoy, body.to_owned());
        request.header("authorization", format!("Bearer {}", self.token))
    }

    fn request(&self, era: Era, method: &str, params: &Value) -> Request {
        let mut params = params.clone();
        if era == Era::Stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientCapabilities":
                    {"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}},
            });
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self.post(&body.to_string());
        if era == Era::Handshake {
            return request.header("mcp-session-id", &self.session);
        }
        let request = request.header("mcp-protocol-version", REVISION).header("mcp-method", method);
        match ["name", "uri", "taskId"].iter().find_map(|it| params[it].as_str()) {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }

    async fn ask(&self, era: Era, method: &str, params: &Value) -> Reply {
        self.request(era, method, params).send().await
    }
}

/// A kind of thing: its list, what is asked about one of it, the members with the items and with the name of one.
#[derive(Debug, Clone, Copy)]
struct Kind(&'static str, &'static str, &'static str, &'static str);

const KINDS: [Kind; 4] = [
    Kind("tools/list", "tools/call", "tools", "name"),
    Kind("prompts/list", "prompts/get", "prompts", "name"),
    Kind("resources/list", "resources/read", "resources", "uri"),
    Kind("resources/templates/list", "completion/complete", "resourceTemplates", "uriTemplate"),
];

impl Kind {
    /// What an upstream calls it that is public, or secret.
    fn own(self, what: &str) -> String {
        match self.3 {
            "name" => format!("{what}-a"),
            "uri" => format!("file:///{what}/a"),
            _ => format!("file:///{what}/{{x}}"),
        }
    }

    /// What clients call it.
    fn shown(self, upstream: &str, what: &str) -> String {
        let between = if self.3 == "name" { "__" } else { "+" };
        format!("{upstream}{between}{}", self.own(what))
    }

    fn params(self, name: &str) -> Value {
        if self.3 == "uriTemplate" {
            let argument = json!({"name": "x", "value": ""});
            json!({"ref": {"type": "ref/resource", "uri": name}, "argument": argument})
        } else {
            json!({self.3: name})
        }
    }
}

fn able() -> Value {
    let tasks = json!({"io.modelcontextprotocol/tasks": {}});
    json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}, "extensions": tasks})
}

/// With something public and something secret of each kind.
fn serving(mut builder: Builder) -> Builder {
    for kind in KINDS {
        let item = |what| {
            let own = kind.own(what);
            json!({kind.3: own, "name": own, "inputSchema": {"type": "object"}})
        };
        let list = json!({kind.2: [item("public"), item("secret")]}).to_string();
        builder = builder.on(kind.0, move |seen| Answer::result(seen, &list));
    }
    builder
        .on("prompts/get", |seen| Answer::result(seen, r#"{"messages":[]}"#))
        .on("resources/read", |seen| Answer::result(seen, r#"{"contents":[]}"#))
        .on("completion/complete", |seen| {
            Answer::result(seen, r#"{"completion":{"values":["v"]}}"#)
        })
}

fn setup() -> Setup {
    let public = |globs: Value| json!({"allow": globs, "deny": ["*secret*"]});
    Setup::new()
        .concurrency(2)
        .set("caller", json!({"claim": "sub", "payload_header": "x-jwt-payload"}))
        .set("catalog", json!({"ttl": "1h", "scope": "public"}))
        .set(
            "rules",
            json!([
                {"when": {"claim": "groups", "has": "admins"}, "tools": {}, "prompts": {}, "resources": {}},
                {
                    "when": {"claim": "groups", "has": "users"},
                    "tools": public(json!(["*__public-*", "*__echo"])),
                    "prompts": public(json!(["*__public-*"])),
                    "resources": public(json!(["*+file:///public/*"])),
                },
            ]),
        )
        .behind(jwt_authn(&json!({"forward_payload_header": "x-jwt-payload"})))
}

/// Numbers that are the same in each run (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

#[tokio::test]
async fn nobody_sees_or_calls_what_is_not_theirs_in_a_thousand_requests() {
    let old = serving(Upstream::named("old").with(can(able()))).start().await;
    let new = serving(stateless("new", &able())).start().await;
    let envoy = setup().upstream(&old).upstream(&new).start().await;
    let users = [User::open(&envoy, "ann").await, User::open(&envoy, "bob").await];
    let mut chance = Chance(0x5eed);
    let (mut listed, mut answered, mut refused) = (0, 0, 0);
    for number in 0..1000 {
        let user = &users[chance.below(2)];
        let era = chance.pick(&[Era::Handshake, Era::Stateless]);
        let kind = chance.pick(&KINDS);
        let what = format!("request {number}: {} {era:?} {}", user.name, kind.0);
        if chance.below(2) == 0 {
            let result = user.ask(era, kind.0, &json!({})).await.result();
            let seen = texts(&result, kind.2, kind.3);
            let all = ["old", "new"].into_iter().flat_map(|upstream| {
                ["public", "secret"].map(|what| (what, kind.shown(upstream, what)))
            });
            let own = all.filter(|(what, _)| user.name == "ann" || *what == "public");
            assert_eq!(seen, own.map(|(_, name)| name).collect::<Vec<_>>(), "{what}");
            listed += 1;
            continue;
        }
        let (upstream, of) = chance.pick(&[("old", &old), ("new", &new)]);
        let thing = chance.pick(&["public", "secret"]);
        let before = of.seen_of(kind.1).len();
        let reply = user.ask(era, kind.1, &kind.params(&kind.shown(upstream, thing))).await;
        let went = of.seen_of(kind.1).len() - before;
        let may = user.name == "ann" || thing == "public";
        assert_eq!((reply.status, went), (200, usize::from(may)), "{what} {thing}: {reply:?}");
        assert_eq!(reply.message().get("result").is_some(), may, "{what} {thing}: {reply:?}");
        if may {
            answered += 1;
        } else {
            // The words for what does not exist, with nothing of what does.
            assert!(!reply.text().contains("public"), "{what} {thing}: {reply:?}");
            refused += 1;
        }
    }
    assert!(listed > 400 && answered > 300 && refused > 80, "{listed} {answered} {refused}");
    // Once for each of the rights, eras and memories; all others were from memory.
    let most = 2 * 2 * Host::tested().memories(2);
    for (kind, of) in KINDS.iter().flat_map(|kind| [(kind, &old), (kind, &new)]) {
        let asked = of.seen_of(kind.0).len();
        assert!(asked <= most, "{} of {} was asked {asked} times", kind.0, of.name);
    }
}
