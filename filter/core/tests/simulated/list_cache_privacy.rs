//! Lists that are served again (`catalog`) are never served to one who may not see them: upstreams that
//! list every secret that they were ever shown, and clients that show theirs in every place there is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mcp_mux_core::effect::Served;
use serde_json::json;

use crate::world::{
    Answer, Chance, Crowd, Got, INITIALIZE, Request, Response, Seen, World, config, usable,
};

/// Where a client may show a secret to upstreams.
const PLACES: [&str; 12] = [
    "authorization when it opens the session",
    "authorization when it asks",
    "cookie",
    "x-user",
    "baggage when it opens the session",
    "baggage when it asks",
    "name",
    "capability",
    "extension",
    "member of initialize",
    "param",
    "meta",
];

/// One client; most show nothing, so that there is something to share.
struct Client {
    number: usize,
    places: BTreeSet<&'static str>,
    session: String,
}

impl Client {
    fn any(chance: &mut Chance, number: usize) -> Self {
        let count = if chance.one_in(2) { 0 } else { 1 + chance.below(2) };
        let places = (0..count).map(|_| chance.pick(&PLACES)).collect();
        Self { number, places, session: String::new() }
    }

    /// The secret for a place, if it shows one there.
    fn secret(&self, place: &str) -> Option<String> {
        let at = PLACES.iter().position(|it| *it == place).expect("a place");
        self.places.contains(place).then(|| format!("secret-{}-{at}", self.number))
    }

    /// With what it shows in headers.
    fn shows(&self, mut request: Request, chance: &mut Chance, opens: bool) -> Request {
        let when = if opens { "opens the session" } else { "asks" };
        for header in ["authorization", "baggage"] {
            if let Some(secret) = self.secret(&format!("{header} when it {when}")) {
                request = request.with(header, secret);
            }
        }
        for header in ["cookie", "x-user"] {
            if let Some(secret) = self.secret(header) {
                request = request.with(header, secret);
            }
        }
        // What no list depends on.
        request.with("x-request-id", chance.below(1000).to_string()).with("x-other", "x")
    }

    fn opens(&self, chance: &mut Chance) -> Request {
        let or_public = |place| self.secret(place).unwrap_or("public".to_owned());
        let capabilities = json!({
            "sampling": {"x": or_public("capability")},
            "extensions": {"io.modelcontextprotocol/ui": {"x": or_public("extension")}},
        });
        let mut params: serde_json::Value = serde_json::from_str(INITIALIZE).expect("params");
        params["capabilities"] = capabilities;
        params["clientInfo"]["name"] = json!(or_public("name"));
        if let Some(secret) = self.secret("member of initialize") {
            params["x"] = json!(secret);
        }
        let request = Request::rpc("initialize", &params.to_string());
        self.shows(request, chance, true)
    }

    /// Asks for a list, and shows what it has, or nothing, as somebody else in its place would.
    fn asks(&self, chance: &mut Chance, shows: bool) -> Request {
        if !shows {
            let client = Self { places: BTreeSet::new(), session: self.session.clone(), ..*self };
            return client.asks(chance, true);
        }
        let mut params = json!({"_meta": {"progressToken": chance.below(1000)}});
        if let Some(secret) = self.secret("param") {
            params["x"] = json!(secret);
        }
        if let Some(secret) = self.secret("meta") {
            params["_meta"]["x"] = json!(secret);
        }
        let request = Request::rpc("tools/list", &params.to_string()).within(&self.session);
        self.shows(request, chance, false)
    }

    /// What an upstream is shown with every list.
    fn shown(&self) -> BTreeSet<String> {
        let with_lists = ["authorization when it asks", "baggage when it asks"];
        let with_all = ["cookie", "x-user", "param", "meta"];
        with_lists.iter().chain(&with_all).filter_map(|place| self.secret(place)).collect()
    }
}

/// The secrets in a text.
fn secrets(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    words.filter(|word| word.starts_with("secret-")).map(str::to_owned).collect()
}

fn all_of(seen: &Seen) -> BTreeSet<String> {
    let head = seen.head.iter().map(|(_, value)| String::from_utf8_lossy(value));
    let text: Vec<_> = head.chain([String::from_utf8_lossy(&seen.body)]).collect();
    secrets(&text.join(" "))
}

/// A server that lists what it was shown when a session was opened and when it is asked. Now and then it
/// loses a session, once in so many lists if ever, and is away then, too.
fn gossip(
    name: &'static str,
    losses: usize,
    pages: bool,
    chance: Chance,
) -> impl FnMut(&Seen) -> Answer {
    let sessions: Rc<RefCell<BTreeMap<String, BTreeSet<String>>>> = Rc::default();
    let (mut opened, mut chance) = (0, chance);
    move |seen| {
        let mut sessions = sessions.borrow_mut();
        let says = |result: &str| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
            Response::new(200, "application/json", body)
        };
        match seen.method().as_str() {
            "initialize" if losses > 0 && chance.one_in(6) => Answer::NotSent,
            "initialize" => {
                opened += 1;
                let id = format!("{name}-{opened}");
                sessions.insert(id.clone(), all_of(seen));
                let changes = losses > 0 && chance.one_in(2);
                let tools = format!(r#"{{"listChanged":{changes}}}"#);
                let result = format!(
                    r#"{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{tools}}},"serverInfo":{{"name":"s","version":"1"}}}}"#
                );
                says(&result).with("mcp-session-id", id).says()
            }
            "tools/list" => {
                let id = seen.header("mcp-session-id").expect("a session");
                if losses > 0 && chance.one_in(losses) {
                    sessions.remove(&id);
                }
                let Some(shown) = sessions.get(&id) else {
                    return Response::new(404, "", "").says();
                };
                let now = all_of(seen);
                let tools = shown
                    .union(&now)
                    .map(|it| usable("tools/list", &json!({ "name": it }).to_string()));
                let tools: Vec<String> =
                    tools.chain([usable("tools/list", r#"{"name":"t"}"#)]).collect();
                let next = if pages { r#","nextCursor":"n""# } else { "" };
                says(&format!(r#"{{"tools":[{}]{next}}}"#, tools.join(","))).says()
            }
            _ => Response::new(202, "", "").says(),
        }
    }
}

fn check(got: &Got, client: &Client, shows: bool) {
    let told = secrets(&got.text());
    let own = format!("secret-{}-", client.number);
    let places = &client.places;
    assert!(told.iter().all(|it| it.starts_with(&own)), "{told:?} told to {own} {places:?}");
    if shows && got.unavailable().is_empty() {
        assert!(told.is_superset(&client.shown()), "{told:?} told to {own} {places:?}");
    }
}

/// How many lists were kept or shared.
fn run(seed: u64, scope: &str, pages: bool) -> usize {
    let mut chance = Chance::new(seed);
    let forward = ["authorization", "cookie", "x-user", "baggage", "x-request-id"];
    let mut plan = config(&["a", "b"]);
    plan["catalog"] = json!({"ttl": "1h", "scope": scope});
    plan["naming"] = json!({"prefix": chance.pick(&["always", "on_conflict", "never"])});
    for upstream in 0..2 {
        plan["upstreams"][upstream]["headers"] = json!({ "forward": forward });
    }
    let mut world = World::new(&plan);
    world.chance = Chance::new(seed);
    for name in ["a", "b"] {
        world.script(name, gossip(name, 12, pages, Chance::new(seed + name.len() as u64)));
    }
    let mut clients: Vec<Client> = (0..8).map(|number| Client::any(&mut chance, number)).collect();
    for client in &mut clients {
        let request = client.opens(&mut chance);
        while client.session.is_empty() {
            let got = world.send(&request);
            client.session = got.header("mcp-session-id").unwrap_or_default();
        }
    }
    let mut saved = 0;
    for _ in 0..12 {
        let mut crowd = Crowd::of(&mut world);
        let mut asking = Vec::new();
        for _ in 0..chance.below(12) {
            let client = chance.below(clients.len());
            let shows = chance.one_in(2);
            let at = crowd.ask(&clients[client].asks(&mut chance, shows));
            asking.push((client, at, shows));
            for _ in 0..chance.below(4) {
                crowd.step();
            }
            let someone = chance.below(asking.len());
            if chance.one_in(8) && crowd.leave(asking[someone].1) {
                asking.remove(someone);
            }
        }
        crowd.finish();
        for (client, at, shows) in asking {
            let got = crowd.got(at);
            if got.json().get("error").is_none() {
                check(&got, &clients[client], shows);
            }
            saved += usize::from(got.served() != Some(Served::Miss));
        }
    }
    saved
}

/// Of three requests that look the same when they begin, one may end in a part of its session that another
/// request, with a secret, has opened meanwhile.
#[test]
fn what_another_request_of_the_first_ones_session_has_shown_stays_there() {
    let mut plan = config(&["a"]);
    plan["catalog"] = json!({"ttl": "1h", "scope": "public"});
    plan["upstreams"][0]["headers"] = json!({"forward": ["authorization"]});
    let mut world = World::new(&plan);
    world.script("a", gossip("a", 0, false, Chance::new(1)));
    let (one, two) = (world.open(), world.open());
    // It has lost every session.
    world.script("a", gossip("a-again", 0, false, Chance::new(1)));
    let list = |session: &str| Request::rpc("tools/list", "{}").within(session);
    let mut crowd = Crowd::of(&mut world);
    let first = crowd.ask(&list(&one));
    let shows = crowd.ask(&list(&one).with("authorization", "secret-1-0"));
    let waits = crowd.ask(&list(&two));
    let same = crowd.ask(&list(&one));
    assert_eq!(crowd.waiting(), 2);
    crowd.hurry(shows);
    crowd.hurry(first);
    crowd.finish();
    for (at, told) in [(shows, 1), (first, 1), (same, 1), (waits, 0)] {
        assert_eq!(secrets(&crowd.got(at).text()).len(), told);
    }
    let later = crowd.ask(&list(&two));
    crowd.finish();
    assert!(secrets(&crowd.got(later).text()).is_empty());
}

#[test]
fn nobody_is_told_what_another_has_shown() {
    for (scope, pages) in [("session", false), ("public", false), ("public", true)] {
        let saved: usize = (0..25).map(|seed| run(seed, scope, pages)).sum();
        assert!(saved > 400, "{scope}: {saved} were saved");
    }
}
