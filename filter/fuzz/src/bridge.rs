//! Servers of the HTTP+SSE transport and the gateway, which do anything in any order.

use std::collections::BTreeMap;

use mcp_mux_bridge::{Asker, Bounds, Bridge, Effect, Part, Request, StreamId};

const BOUNDS: Bounds = Bounds { sessions: 3, unused: 20, event: 256 };

/// How far the answer to a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    Begun,
    Over,
    /// Nobody waits for it.
    Gone,
}

struct World {
    bridge: Bridge,
    now: u64,
    answers: Vec<Answer>,
    sessions: Vec<String>,
    /// Whether each request to a server may still be answered.
    streams: BTreeMap<StreamId, bool>,
    drawn: u8,
}

/// Steps, parted by zero bytes: the first byte says what happens, the second to whom, the rest is what is said.
pub fn bridge(input: &[u8]) {
    let mut world = World {
        bridge: Bridge::new(BOUNDS),
        now: 0,
        answers: Vec::new(),
        sessions: Vec::new(),
        streams: BTreeMap::new(),
        drawn: 0,
    };
    for step in input.split(|byte| *byte == 0).take(64) {
        let [what, whose, said @ ..] = step else { continue };
        world.step(*what, usize::from(whose.wrapping_sub(1)), said);
        assert!(world.bridge.sessions() <= BOUNDS.sessions);
    }
    for asker in 0..world.answers.len() {
        world.leave(asker);
    }
    world.now += 100;
    let effects = world.bridge.tidy(world.now);
    world.take(effects);
    assert_eq!(world.bridge.sessions(), 0, "unused sessions end");
    assert!(world.streams.values().all(|is_open| !is_open), "requests for nobody");
}

impl World {
    fn step(&mut self, what: u8, whose: usize, said: &[u8]) {
        let stream = StreamId(whose as u64);
        let is_open = self.streams.get(&stream) == Some(&true);
        match what {
            b'i' => self.ask(
                "POST",
                None,
                br#"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{}}"#,
            ),
            b'p' => {
                let session = self.session(whose);
                self.ask("POST", session, said);
            }
            b'g' => {
                let session = self.session(whose);
                self.ask("GET", session, b"");
            }
            b'x' => {
                let session = self.session(whose);
                self.ask("DELETE", session, b"");
            }
            b'h' if is_open => {
                let [status, kind @ ..] = said else { return };
                let status = [200, 202, 404, 500][usize::from(status % 4)];
                let kind = if kind.is_empty() { &b"text/event-stream"[..] } else { kind };
                let effects = self.bridge.head(stream, status, Some(kind), &[]);
                self.take(effects);
            }
            b'd' if is_open => {
                let effects = self.bridge.data(stream, said);
                self.take(effects);
            }
            // The endpoint, as servers name it.
            b'e' if is_open => {
                let effects = self.bridge.head(stream, 200, Some(b"text/event-stream"), &[]);
                self.take(effects);
                let effects = self.bridge.data(stream, b"event: endpoint\ndata: /m?s=1\n\n");
                self.take(effects);
            }
            b'o' if is_open => {
                let effects = self.bridge.end(stream, !said.is_empty());
                self.streams.insert(stream, false);
                self.take(effects);
            }
            b'l' => self.leave(whose),
            b't' => {
                self.now += whose as u64;
                let effects = self.bridge.tidy(self.now);
                self.take(effects);
            }
            _ => {}
        }
    }

    fn session(&self, at: usize) -> Option<String> {
        self.sessions.get(at).cloned().or_else(|| self.sessions.last().cloned())
    }

    fn ask(&mut self, method: &str, session: Option<String>, body: &[u8]) {
        let mut headers = vec![
            (":method".to_owned(), method.as_bytes().to_vec()),
            (":path".to_owned(), b"/sse".to_vec()),
            (":authority".to_owned(), b"server.test".to_vec()),
        ];
        headers.extend(session.map(|it| ("mcp-session-id".to_owned(), it.into_bytes())));
        let asker = Asker(self.answers.len() as u64);
        self.answers.push(Answer::Awaited);
        let drawn = &mut self.drawn;
        let mut random = |bytes: &mut [u8]| {
            bytes.fill(0);
            *drawn = drawn.wrapping_add(1);
            if let Some(last) = bytes.last_mut() {
                *last = *drawn;
            }
        };
        let request = Request { server: 0, headers, body: body.to_vec() };
        let effects = self.bridge.ask(asker, request, self.now, &mut random);
        self.take(effects);
    }

    fn leave(&mut self, asker: usize) {
        let Some(answer) = self.answers.get_mut(asker) else { return };
        if matches!(answer, Answer::Awaited | Answer::Begun) {
            *answer = Answer::Gone;
            let effects = self.bridge.gone(Asker(asker as u64));
            self.take(effects);
        }
    }

    /// Holds what is wanted to what may be.
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open { stream, .. } => {
                    assert!(
                        self.streams.insert(stream, true).is_none(),
                        "a stream of the same name"
                    );
                }
                Effect::Close(stream) => {
                    assert_eq!(
                        self.streams.insert(stream, false),
                        Some(true),
                        "closes what is open"
                    );
                }
                Effect::Warn { line, .. } => assert!(!line.is_empty() && !line.contains('\n')),
                Effect::Answer(asker, part) => {
                    let at = usize::try_from(asker.0).unwrap_or(usize::MAX);
                    if let Part::Head { headers, .. } = &part {
                        let session = headers.iter().find(|(name, _)| *name == "mcp-session-id");
                        self.sessions.extend(
                            session.map(|(_, id)| String::from_utf8_lossy(id).into_owned()),
                        );
                    }
                    let before = self.answers[at];
                    self.answers[at] = match (before, &part) {
                        (Answer::Awaited, Part::Head { .. }) | (Answer::Begun, Part::Body(_)) => {
                            Answer::Begun
                        }
                        (Answer::Begun, Part::End) | (Answer::Awaited, Part::Lost) => Answer::Over,
                        _ => panic!("{part:?} after {before:?}"),
                    };
                }
            }
        }
    }
}
