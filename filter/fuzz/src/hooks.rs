//! The native host's hooks, called by a fake Envoy: in any order that Envoy may call them in, with any bytes.
//!
//! This is the one place where host calls are faked: no fuzzer fits around Envoy. What it holds is the module's
//! side of the bargain: nothing is asked of a filter, a configuration or a scheduler that is gone, each answer is
//! one, and no hook panics. With `AddressSanitizer` (`scripts/fuzz --sanitized`) it also holds that no bytes are
//! touched behind the hook that they were lent to. What Envoy does itself is Envoy's, and tested there.

mod abi;
mod envoy;
mod fake;

use envoy::Fake;
use fake::{Reply, with};

use crate::world::{Chance, INITIALIZE, Request, Response, raw_member};

const CONFIGS: [&str; 3] = [
    r#"{"upstreams":[{"name":"a"},{"name":"b"}],"listen":"all"}"#,
    r#"{"upstreams":[{"name":"a","timeout":"1s"},{"name":"b","transport":"sse"}],"catalog":{"ttl":"10s"}}"#,
    r#"{"upstreams":[{"name":"a"}],"limits":{"request_body":2048,"upstream_body":4096}}"#,
];

/// As many requests may be under way.
const FILTERS: usize = 4;

/// The first byte says which configuration there is. Steps follow, parted by zero bytes: what happens, to whom,
/// what is said.
pub fn hooks(input: &[u8]) {
    let Some((kind, steps)) = input.split_first() else { return };
    let config = CONFIGS[usize::from(kind % 3)];
    let mut driven = Driven {
        fake: Fake::begin(config.as_bytes()),
        filters: [None; FILTERS],
        session: None,
        chance: Chance::new(u64::from(*kind)),
    };
    for step in steps.split(|byte| *byte == 0).take(48) {
        let [what, whose, said @ ..] = step else { continue };
        driven.step(*what, usize::from(*whose), said);
    }
    for at in 0..FILTERS {
        driven.end(at);
    }
    driven.fake.end();
}

/// What a decent server answers.
fn decent(body: &[u8]) -> Response {
    let Some(id) = raw_member(body, "id") else { return Response::new(202, "", "") };
    let result = match raw_member(body, "method").as_deref() {
        Some("\"initialize\"") => {
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"s","version":"1"}}"#
        }
        Some("\"tools/list\"") => r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#,
        _ => r#"{"content":[]}"#,
    };
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    Response::new(200, "application/json", body).with("mcp-session-id", "s")
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    RequestBody,
    RequestOver,
    ResponseBody,
    Over,
}

struct Driven {
    fake: Fake,
    filters: [Option<(usize, Stage)>; FILTERS],
    session: Option<Vec<u8>>,
    chance: Chance,
}

impl Driven {
    fn step(&mut self, what: u8, whose: usize, said: &[u8]) {
        let at = whose % FILTERS;
        match what {
            b'n' => self.request(at, whose, said),
            b'b' => self.more(at, said, whose & 4 == 0),
            b'r' => self.answered(at, whose, said),
            b'd' => self.answer_body(at, said, whose & 4 == 0),
            b'c' => self.called(at, whose, said),
            b'k' => {
                if let Some((filter, _)) = self.filters[at] {
                    Fake::backlog(filter, whose & 4 == 0);
                }
            }
            b'w' => self.fake.run_events(),
            b'x' => self.end(at),
            b'g' => self.fake.configure(CONFIGS[whose % 3].as_bytes()),
            _ => {}
        }
        for at in 0..FILTERS {
            self.take_reply(at);
        }
    }

    /// A request begins.
    fn request(&mut self, at: usize, kind: usize, said: &[u8]) {
        self.end(at);
        let text = String::from_utf8_lossy(said).into_owned();
        let mut request = match kind >> 2 & 7 {
            0 => Request::rpc("initialize", INITIALIZE),
            1 => Request::rpc("tools/call", r#"{"name":"a__t","arguments":{}}"#),
            2 => Request::rpc("tools/call", r#"{"name":"b__t","arguments":{}}"#),
            3 => Request::rpc("tools/list", "{}"),
            4 => Request::get(),
            5 => Request::delete(),
            6 => Request::rpc("resources/read", &format!("{{\"uri\":{text}}}")),
            _ => Request::post(said),
        };
        if let Some(session) = self.session.clone().filter(|_| kind >> 2 & 7 != 0) {
            request = request.with("mcp-session-id", session);
        }
        let end = request.body.is_empty();
        let (filter, goes_on) = self.fake.begin_filter(&request.head, end);
        let stage = if end { Stage::RequestOver } else { Stage::RequestBody };
        self.filters[at] = Some((filter, stage));
        if !end && (goes_on || with(filter, |it| !it.replied())) && kind & 32 == 0 {
            let body = request.body.clone();
            self.more(at, &body, true);
        }
    }

    fn more(&mut self, at: usize, bytes: &[u8], end: bool) {
        let Some((filter, stage @ Stage::RequestBody)) = &mut self.filters[at] else { return };
        if with(*filter, |it| it.replied()) {
            return;
        }
        if end {
            *stage = Stage::RequestOver;
        }
        Fake::request_body(*filter, bytes, end);
    }

    /// The answer of the router's upstream begins, if the request went there.
    fn answered(&mut self, at: usize, kind: usize, said: &[u8]) {
        let Some((filter, stage)) = self.filters[at] else { return };
        let replied = with(filter, |it| it.replied());
        if stage >= Stage::ResponseBody || replied || !with(filter, |it| it.went_on()) {
            return;
        }
        let status = [200, 202, 404, 503][kind >> 2 & 3];
        let kinds = ["application/json", "text/event-stream", "text/plain", ""];
        let end = said.is_empty();
        self.filters[at] = Some((filter, if end { Stage::Over } else { Stage::ResponseBody }));
        let response = Response::new(status, kinds[kind >> 4 & 3], said.to_vec());
        Fake::response_head(filter, status, &response.head, end);
        if !end {
            self.answer_body(at, said, kind & 64 == 0);
        }
    }

    fn answer_body(&mut self, at: usize, bytes: &[u8], end: bool) {
        let Some((filter, stage @ Stage::ResponseBody)) = &mut self.filters[at] else { return };
        if with(*filter, |it| it.replied()) {
            return;
        }
        if end {
            *stage = Stage::Over;
        }
        Fake::response_body(*filter, bytes, end);
    }

    /// Something comes of a request of the module's: what its server says, or what is said here.
    fn called(&mut self, at: usize, kind: usize, said: &[u8]) {
        let Some((owner, call)) = self.fake.call(self.filters[at].map(|it| it.0)) else { return };
        if kind & 4 != 0 {
            return self.fake.call_reset(owner, call.id);
        }
        let response = if said.is_empty() {
            decent(&call.body)
        } else {
            let kind = if kind & 8 == 0 { "application/json" } else { "text/event-stream" };
            Response::new(200, kind, said.to_vec())
        };
        let cuts = self.chance.pieces(response.body.len());
        self.fake.call_answered(
            owner,
            call.id,
            response.status,
            &response.head,
            &response.body,
            cuts,
        );
    }

    fn take_reply(&mut self, at: usize) {
        let Some((filter, _)) = self.filters[at] else { return };
        let Some(Reply { status, session }) = with(filter, fake::Side::take_reply) else { return };
        assert!((200..600).contains(&status), "{status}");
        self.session = session.or_else(|| self.session.take());
    }

    fn end(&mut self, at: usize) {
        if let Some((filter, _)) = self.filters[at].take() {
            Fake::end_filter(filter);
        }
    }
}
