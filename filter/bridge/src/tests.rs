//! Whole sessions: what the server and the gateway see of each other.

mod bounds;
mod losses;
mod messages;
mod random;
mod refusals;

use super::*;

/// What the ids of the first session begin after.
const FIRST: u64 = 7 << 20;

/// A bridge, and all that it has wanted.
struct World {
    bridge: Bridge,
    effects: Vec<Effect>,
    askers: u64,
    now: u64,
}

/// A session that is open.
struct Session {
    id: String,
    get: StreamId,
}

/// A request of Streamable HTTP.
fn request(method: &str, session: Option<&str>, body: &str) -> Request {
    let mut headers = vec![
        (":method", method),
        (":path", "/x/sse"),
        (":authority", "server.test"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2025-11-25"),
        ("authorization", "Bearer x"),
        ("x-mcp-cluster", "c"),
    ];
    headers.extend(session.map(|session| ("mcp-session-id", session)));
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
    Request { server: 0, headers: headers.into_iter().map(pair).collect(), body: body.into() }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{}}"#;

impl World {
    fn new() -> Self {
        Self::with(Bounds { sessions: 3, unused: 100, event: 2000 })
    }

    fn with(bounds: Bounds) -> Self {
        Self { bridge: Bridge::new(bounds), effects: Vec::new(), askers: 0, now: 0 }
    }

    /// What was wanted since this was last asked.
    fn took(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn ask(&mut self, request: Request) -> Asker {
        let asker = Asker(self.askers);
        self.askers += 1;
        let byte = u8::try_from(7 + self.bridge.sessions()).expect("a few sessions");
        let random = &mut |bytes: &mut [u8]| {
            bytes.fill(0);
            bytes[bytes.len() - 1] = byte;
        };
        self.effects.extend(self.bridge.ask(asker, request, self.now, random));
        asker
    }

    /// Sends a message in a session.
    fn post(&mut self, session: &Session, message: &str) -> Asker {
        self.ask(request("POST", Some(&session.id), message))
    }

    /// Calls a tool, which the server takes, and returns its id there.
    fn call(&mut self, session: &Session, id: &str, params: &str) -> (Asker, u64) {
        self.took();
        let message = format!(r#"{{"id":{id},"method":"tools/call","params":{params}}}"#);
        let asker = self.post(session, &message);
        let [Effect::Open { stream, body, .. }] = &self.took()[..] else { panic!("a POST") };
        let sent: serde_json::Value = serde_json::from_slice(body).expect("a message");
        self.head(*stream, 202);
        self.end(*stream, true);
        assert_eq!(text(&self.took()), [format!("{} 200 text/event-stream", asker.0)]);
        (asker, sent["id"].as_u64().expect("a number"))
    }

    fn head(&mut self, stream: StreamId, status: u16) {
        let effects = self.bridge.head(stream, status, Some(b"text/plain"), &[]);
        self.effects.extend(effects);
    }

    fn data(&mut self, stream: StreamId, text: &str) {
        self.effects.extend(self.bridge.data(stream, text.as_bytes()));
    }

    fn end(&mut self, stream: StreamId, is_whole: bool) {
        self.effects.extend(self.bridge.end(stream, is_whole));
    }

    fn gone(&mut self, asker: Asker) {
        self.effects.extend(self.bridge.gone(asker));
    }

    /// The server says a message.
    fn say(&mut self, session: &Session, message: &str) {
        self.data(session.get, &format!("data: {message}\r\n\r\n"));
    }

    /// Sends `initialize`, and returns the GET.
    fn connect(&mut self) -> (Asker, StreamId) {
        let asker = self.ask(request("POST", None, INITIALIZE));
        let [.., Effect::Open { stream, .. }] = &self.effects[..] else { panic!("a GET") };
        (asker, *stream)
    }

    /// Opens a session.
    fn open(&mut self) -> Session {
        let (asker, get) = self.connect();
        self.effects.extend(self.bridge.head(
            get,
            200,
            Some(b"text/event-stream; charset=utf-8"),
            &[],
        ));
        self.data(get, "event: endpoint\ndata: /m?s=1\n\n");
        let [.., Effect::Open { stream, body, .. }] = &self.effects[..] else { panic!("a POST") };
        let sent: serde_json::Value = serde_json::from_slice(body).expect("a message");
        let (stream, id) = (*stream, sent["id"].clone());
        self.head(stream, 202);
        self.end(stream, true);
        self.data(get, &format!("data: {{\"id\":{id},\"result\":{{}}}}\n\n"));
        let head = self.took().into_iter().find_map(|effect| match effect {
            Effect::Answer(it, Part::Head { headers, .. }) if it == asker => Some(headers),
            _ => None,
        });
        let (_, id) = head.expect("an answer").into_iter().next_back().expect("a session id");
        Session { id: String::from_utf8(id).expect("text"), get }
    }
}

/// Effects in short: `<asker> <part>`, or what is done at the server.
fn text(effects: &[Effect]) -> Vec<String> {
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let short = |effect: &Effect| match effect {
        Effect::Open { body, headers, .. } => {
            let of = |name: &str| headers.iter().find(|(it, _)| it == name).map(|it| string(&it.1));
            let line = [of(":method"), of(":path"), Some(string(body))].into_iter().flatten();
            line.collect::<Vec<_>>().join(" ")
        }
        Effect::Close(stream) => format!("close {}", stream.0),
        Effect::Answer(asker, Part::Head { status, headers }) => {
            let kind =
                headers.first().map_or(String::new(), |(_, kind)| format!(" {}", string(kind)));
            format!("{} {status}{kind}", asker.0)
        }
        Effect::Answer(asker, Part::Body(bytes)) => {
            let body = string(bytes).replace("event: message\ndata: ", "").replace("\n\n", "");
            format!("{} {body}", asker.0)
        }
        Effect::Answer(asker, Part::End) => format!("{} end", asker.0),
        Effect::Answer(asker, Part::Lost) => format!("{} lost", asker.0),
        Effect::Warn { line, .. } => format!("warn {line}"),
    };
    effects.iter().map(short).collect()
}

#[test]
fn initialize_opens_a_session() {
    let mut world = World::new();
    let (asker, get) = world.connect();
    let effects = world.took();
    assert_eq!(text(&effects), ["GET /x/sse "]);
    let Effect::Open { headers, .. } = &effects[0] else { panic!("a GET") };
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [":method", ":path", ":authority", "accept", "accept-encoding", "authorization"];
    assert_eq!(names, expected);
    assert_eq!(headers[3].1, b"text/event-stream");

    world.effects.extend(world.bridge.head(get, 200, Some(b"Text/Event-Stream"), &[]));
    assert!(world.took().is_empty());
    world.data(get, "event: endpoint\r\ndata: m?s=1\r\n\r\n");
    let effects = world.took();
    let id = FIRST + 1;
    let body = INITIALIZE.replace(r#""i""#, &id.to_string());
    assert_eq!(text(&effects), [format!("POST /x/m?s=1 {body}")]);
    let Effect::Open { stream, headers, .. } = &effects[0] else { panic!("a POST") };
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[3..], ["accept", "accept-encoding", "content-type", "authorization"]);

    // The answer may come before the POST is answered.
    world.data(get, &format!("data: {{\"result\":{{}}, \"id\":{id}}}\n\n"));
    let effects = world.took();
    let answer = r#"{"result":{}, "id":"i"}"#;
    assert_eq!(text(&effects), ["0 200 application/json", &format!("0 {answer}"), "0 end"]);
    let Effect::Answer(it, Part::Head { headers, .. }) = &effects[0] else { panic!("a head") };
    assert_eq!((*it, headers[1].0), (asker, "mcp-session-id"));
    assert_eq!(headers[1].1, b"00000000000000000000000000000007");
    world.head(*stream, 202);
    world.end(*stream, true);
    assert!(world.took().is_empty());
    assert_eq!(world.bridge.sessions(), 1);
}

#[test]
fn the_same_comes_of_any_chunks() {
    let events = format!(
        ": hello\r\nevent: endpoint\r\ndata: /m\r\n\r\n: beat\n\nid: 1\ndata: {{\"id\":{0},\ndata: \"result\":{{}}}}\n\n\
         event: message\ndata: {{\"method\":\"x\"}}\n\nevent: other\ndata: y\n\n",
        FIRST + 1
    );
    let run = |size: usize| {
        let mut world = World::new();
        let (_, get) = world.connect();
        world.effects.extend(world.bridge.head(get, 200, Some(b"text/event-stream"), &[]));
        let chunks =
            events.as_bytes().chunks(size).map(|it| String::from_utf8_lossy(it).into_owned());
        chunks.for_each(|chunk| world.data(get, &chunk));
        let id = "00000000000000000000000000000007";
        world.ask(request("GET", Some(id), ""));
        text(&world.effects)
    };
    let whole = run(events.len());
    assert_eq!(whole.last().map(String::as_str), Some(r#"1 {"method":"x"}"#));
    for size in 1..events.len() {
        assert_eq!(run(size), whole, "{size}");
    }
}
