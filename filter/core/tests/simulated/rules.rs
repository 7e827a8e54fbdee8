//! Who may do what (`rules`): a thousand random requests of callers with different rights, in both eras, with lists from
//! memory. Nobody sees or reaches what is not theirs, and no id of one caller works for another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::world::{
    Chance, EVERYTHING, Got, Kind, PROMPTS, RESOURCES, Request, Server, Shape, TEMPLATES, TOOLS,
    World,
};

const LISTS: [Kind; 4] = [TOOLS, PROMPTS, RESOURCES, TEMPLATES];

/// What a caller may do: `ann` everything, `bob` what is public, `eve` nothing.
const CALLERS: [(&str, &[&str]); 3] =
    [("ann", &["users", "admins"]), ("bob", &["users"]), ("eve", &[])];

/// The request as this caller sends it: Envoy has checked a token, and shows what is in it.
pub(crate) fn by(request: Request, (name, groups): (&str, &[&str])) -> Request {
    let claims = json!({"iss": "https://issuer", "sub": name, "groups": groups}).to_string();
    request.with("x-jwt-payload", BASE64URL.encode(claims))
}

/// Two upstreams, one of each era, with public and secret things of every kind.
fn world(naming: &str, catalog: &Value) -> World {
    let public = |globs: Value| json!({"allow": globs, "deny": ["*secret*"]});
    let all = json!({});
    let mut world = World::new(&json!({
        "upstreams": [{"name": "old"}, {"name": "new"}],
        "naming": {"prefix": naming},
        "catalog": catalog,
        "caller": {"claim": "sub", "payload_header": "x-jwt-payload"},
        "rules": [
            {"when": {"claim": "groups", "has": "admins"}, "tools": all, "prompts": all, "resources": all},
            {
                "when": {"claim": "groups", "has": "users"},
                "tools": public(json!(["old__public-*", "new__public-*"])),
                "prompts": public(json!(["*__public-*"])),
                "resources": public(json!(["*+file:///public/*"])),
            },
        ],
    }));
    for name in ["old", "new"] {
        let mut server = Server::new(name).capabilities(EVERYTHING);
        server = server.hints("60000", "public").shape(Shape::Json);
        for kind in LISTS {
            let (key, ends) = match kind.key {
                "name" => ("name", ["public-", "secret-"]),
                key => (key, ["file:///public/", "file:///secret/"]),
            };
            let tail = if key == "uriTemplate" { "{x}" } else { "a" };
            let own = |end: &str| format!(r#"{{"{key}":"{end}{tail}","title":"{end} of {name}"}}"#);
            let shared = ends.map(own);
            // What cannot be used is nobody's business either who may not see it.
            let broken = format!(r#"{{"{key}":"secret-broken","title":5}}"#);
            let items = [shared.as_slice(), &[broken]].concat();
            server = server.list(kind.method, vec![items], Vec::new());
        }
        let server = if name == "new" { server.stateless() } else { server };
        world.serve(name, server);
    }
    world
}

struct Caller {
    who: (&'static str, &'static [&'static str]),
    session: String,
}

impl Caller {
    fn sees(&self, text: &str) -> bool {
        match self.who.0 {
            "ann" => true,
            "bob" => !text.contains("secret"),
            _ => false,
        }
    }
}

/// A request about one thing.
fn about(kind: Kind, name: &str) -> (String, Option<String>) {
    match kind.key {
        "name" => (format!(r#""name":"{name}""#), Some(name.to_owned())),
        "uri" => (format!(r#""uri":"{name}""#), Some(name.to_owned())),
        _ => (
            format!(
                r#""ref":{{"type":"ref/resource","uri":"{name}"}},"argument":{{"name":"x","value":""}}"#
            ),
            None,
        ),
    }
}

fn items(got: &Got, kind: Kind) -> Vec<String> {
    let items = got.json()["result"][kind.member].as_array().cloned();
    let items = items.unwrap_or_else(|| panic!("{}: {}", kind.method, got.text()));
    items.iter().map(|item| item[kind.key].as_str().expect("a name").to_owned()).collect()
}

fn run(chances: u64, naming: &str, catalog: &Value, requests: usize) {
    let mut chance = Chance::new(chances);
    let mut world = world(naming, catalog);
    world.chance = Chance::new(chances);
    let mut callers = CALLERS.map(|who| Caller { who, session: String::new() });
    for caller in &mut callers {
        let got = world.send(&by(Request::rpc("initialize", crate::world::INITIALIZE), caller.who));
        caller.session = got.header("mcp-session-id").expect("a session");
    }
    let mut reached = [0; 3];
    for _ in 0..requests {
        let at = chance.below(3);
        let caller = &callers[at];
        let kind = chance.pick(&LISTS);
        let stateless = chance.one_in(2);
        if chance.one_in(8) {
            world.change_worker();
        }
        let ask = |world: &mut World, method: &str, params: &str, name: Option<&str>| {
            let request = if stateless {
                Request::stateless(method, params, name)
            } else {
                Request::rpc(method, &format!("{{{params}}}")).within(&caller.session)
            };
            let asked = world.seen.len();
            let got = world.send(&by(request, caller.who));
            let went: Vec<String> = world.seen[asked..]
                .iter()
                .filter(|seen| seen.method() == method && !method.ends_with("list"))
                .inspect(|seen| assert_eq!(seen.header("x-jwt-payload"), None))
                .map(crate::world::Seen::text)
                .collect();
            (got, went)
        };
        if chance.one_in(2) {
            let (got, _) = ask(&mut world, kind.method, "", None);
            let (names, text) = (items(&got, kind), got.text());
            assert!(names.iter().all(|name| caller.sees(name)), "{}: {text}", caller.who.0);
            // What is broken is reported to those alone who may see it.
            assert!(caller.who.0 == "ann" || !text.contains("secret"), "{}: {text}", caller.who.0);
            let expected = match (caller.who.0, naming, kind.key) {
                ("eve", ..) => 0,
                ("bob", "never", "name") => 1,
                ("bob", ..) | ("ann", "never", "name") => 2,
                _ => 4,
            };
            let usable = names.iter().filter(|name| !name.contains("broken")).count();
            assert_eq!(usable, expected, "{} {naming}: {text}", caller.who.0);
            if stateless {
                assert_eq!(got.json()["result"]["cacheScope"], "private", "{text}");
            }
            continue;
        }
        let name =
            match (kind.key, chance.pick(&["public", "secret"]), chance.pick(&["old", "new"])) {
                ("name", end, _) if naming == "never" => format!("{end}-a"),
                ("name", end, upstream) => format!("{upstream}__{end}-a"),
                (_, end, upstream) => {
                    let tail = if kind.key == "uri" { "a" } else { "{x}" };
                    let way = if kind.key == "uri" && chance.one_in(4) { "public/../" } else { "" };
                    format!("{upstream}+file:///{way}{end}/{tail}")
                }
            };
        let (params, named) = about(kind, &name);
        // Nobody but the one who may see all gets past a path that leads elsewhere.
        let exists = caller.sees(&name) && (at == 0 || !name.contains(".."));
        let method = kind.about;
        let (got, went) = ask(&mut world, method, &params, named.as_deref());
        if exists {
            assert_eq!(went.len(), 1, "{} {name}: {}", caller.who.0, got.text());
            assert!(got.json().get("result").is_some(), "{}", got.text());
            reached[at] += 1;
        } else {
            assert_eq!(went, Vec::<String>::new(), "{} {name}", caller.who.0);
            let unknown = if stateless { -32602 } else { kind.unknown };
            assert_eq!(got.refusal(), (200, unknown, json!(1)), "{}", got.text());
        }
        // An id of one is none of another.
        let other = (at + 1) % 3;
        let stolen =
            by(Request::rpc("tools/list", "{}").within(&caller.session), callers[other].who);
        let asked = world.seen.len();
        let got = world.send(&stolen);
        assert_eq!((got.status, world.seen.len()), (404, asked), "{}", got.text());
    }
    let [ann, bob, eve] = reached;
    assert!(ann > 0 && bob > 0 && eve == 0, "{reached:?}");
}

#[test]
fn nobody_sees_or_calls_what_is_not_theirs() {
    for (seed, naming) in (1..).zip(["always", "never"]) {
        for (seed, catalog) in [
            (seed, json!({})),
            (seed + 10, json!({"ttl": "1h"})),
            (seed + 20, json!({"ttl": "1h", "scope": "public"})),
        ] {
            run(seed, naming, &catalog, 200);
        }
    }
}

/// With rights, a name may be in conflict for one caller and not for another. Both names reach their owner, and no name
/// of what is hidden does.
#[test]
fn names_in_conflict_are_those_of_the_caller() {
    let mut world = World::new(&json!({
        "upstreams": [{"name": "a"}, {"name": "b"}],
        "naming": {"prefix": "on_conflict"},
        "caller": {"header": "x-user"},
        "rules": [
            {"when": {"caller": ["ann"]}, "tools": {}},
            {"when": {"caller": ["bob"]}, "tools": {"allow": ["a__*"]}},
        ],
    }));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]).shape(Shape::Json));
    }
    for (user, names, hidden) in
        [("ann", vec!["a__t", "b__t"], vec!["t"]), ("bob", vec!["t"], vec!["b__t"])]
    {
        let send = |world: &mut World, request: Request| world.send(&request.with("x-user", user));
        let got = send(&mut world, Request::rpc("initialize", crate::world::INITIALIZE));
        let session = got.header("mcp-session-id").expect("a session");
        let got = send(&mut world, Request::rpc("tools/list", "{}").within(&session));
        assert_eq!(got.names(), names, "{user}");
        for (name, is_there) in
            names.iter().map(|name| (name, true)).chain(hidden.iter().map(|name| (name, false)))
        {
            let params = format!(r#"{{"name":"{name}"}}"#);
            let got = send(&mut world, Request::rpc("tools/call", &params).within(&session));
            assert_eq!(
                got.json().get("result").is_some(),
                is_there,
                "{user} {name}: {}",
                got.text()
            );
        }
    }
}
