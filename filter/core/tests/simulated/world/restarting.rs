//! A server that restarts: it forgets its sessions, and says so as servers do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::http::raw_member;
use super::{Answer, Chance, Response, Seen, World, event_stream};

/// How servers say that they do not know a session: status, media type, body.
pub(crate) const LOSSES: [(u16, &str, &str); 7] = [
    (404, "", ""),
    (404, "text/plain", "Not Found"),
    (404, "text/html", "<h1>Not Found</h1>"),
    (404, "application/json", r#"{"error":"unknown"}"#),
    (
        404,
        "application/json",
        r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#,
    ),
    (
        404,
        "application/json",
        r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Session not found"}}"#,
    ),
    (
        400,
        "application/json",
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#,
    ),
];

/// Names a server behind a cluster. It panics at a session id that it never gave, and at a session
/// that is used before it was told `notifications/initialized`.
#[derive(Clone)]
pub(crate) struct Restarting(Rc<RefCell<Process>>);

struct Process {
    name: String,
    /// How many sessions it has opened.
    opened: usize,
    /// By session id: whether it was told that it may begin.
    sessions: BTreeMap<String, bool>,
    ended: Vec<String>,
    capabilities: &'static str,
    /// What updates are wanted of, and in which session, in order.
    subscribed: Vec<(String, String)>,
    loss: (u16, &'static str, &'static str),
    chance: Chance,
}

impl Restarting {
    /// Puts a server with one tool, `t`, behind the cluster `name`.
    pub(crate) fn put(world: &mut World, name: &str) -> Self {
        let server = Self(Rc::new(RefCell::new(Process {
            name: name.to_owned(),
            opened: 0,
            sessions: BTreeMap::new(),
            ended: Vec::new(),
            capabilities: r#"{"tools":{}}"#,
            subscribed: Vec::new(),
            loss: LOSSES[0],
            chance: Chance::new(7),
        })));
        server.come_back(world);
        server
    }

    /// Is reachable, again.
    pub(crate) fn come_back(&self, world: &mut World) {
        let (name, server) = (self.0.borrow().name.clone(), self.clone());
        world.script(&name, move |seen| server.0.borrow_mut().answer(seen));
    }

    /// Forgets every session, and says so like this.
    pub(crate) fn restart(&self, loss: (u16, &'static str, &'static str)) {
        let mut process = self.0.borrow_mut();
        process.sessions.clear();
        process.loss = loss;
    }

    /// What it answers.
    pub(crate) fn answers(&self, seen: &Seen) -> Answer {
        self.0.borrow_mut().answer(seen)
    }

    /// It has resources from now on.
    pub(crate) fn has_resources(&self) {
        self.0.borrow_mut().capabilities = r#"{"tools":{},"resources":{"subscribe":true}}"#;
    }

    /// It has resources, but no updates of these, from now on.
    pub(crate) fn cannot_be_subscribed(&self) {
        self.0.borrow_mut().capabilities = r#"{"tools":{},"resources":{}}"#;
    }

    /// Of which resources updates are wanted in a session.
    pub(crate) fn subscribed(&self, session: &str) -> Vec<String> {
        let process = self.0.borrow();
        let of_it = process.subscribed.iter().filter(|(of, _)| of == session);
        of_it.map(|(_, uri)| uri.clone()).collect()
    }

    /// How many sessions it has opened.
    pub(crate) fn opened(&self) -> usize {
        self.0.borrow().opened
    }

    /// The sessions that it still knows.
    pub(crate) fn alive(&self) -> Vec<String> {
        self.0.borrow().sessions.keys().cloned().collect()
    }

    /// The sessions that a DELETE ended, in order.
    pub(crate) fn ended(&self) -> Vec<String> {
        self.0.borrow().ended.clone()
    }
}

impl Process {
    fn answer(&mut self, seen: &Seen) -> Answer {
        let method = seen.method();
        if method == "initialize" {
            return self.open(seen).says();
        }
        let id = seen.header("mcp-session-id").expect("a session id");
        let given = id.strip_prefix(&format!("{}-", self.name)).and_then(|it| it.parse().ok());
        assert!(given.is_some_and(|it: usize| it <= self.opened), "never given by us: {id}");
        let Some(told) = self.sessions.get_mut(&id) else {
            let (status, kind, body) = self.loss;
            let mut response = Response::new(status, kind, body);
            response.trailers = self.chance.one_in(3);
            return response.says();
        };
        if method == "notifications/initialized" {
            *told = true;
            return Response::new(202, "", "").says();
        }
        assert!(*told, "{method} before {id} may begin");
        if seen.header(":method").as_deref() == Some("DELETE") {
            self.sessions.remove(&id);
            self.ended.push(id);
            return Response::new(200, "", "").says();
        }
        if seen.header(":method").as_deref() == Some("GET") {
            return Response::new(200, "text/event-stream", ": open\n\n").says();
        }
        match method.as_str() {
            "notifications/cancelled" => Response::new(202, "", ""),
            "ping" => self.write(seen, "{}"),
            "resources/subscribe" | "resources/unsubscribe" => {
                let uri = seen.params()["uri"].as_str().expect("a URI").to_owned();
                self.subscribed.retain(|it| *it != (id.clone(), uri.clone()));
                if method == "resources/subscribe" {
                    self.subscribed.push((id, uri));
                }
                self.write(seen, "{}")
            }
            "tools/list" => {
                self.write(seen, r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#)
            }
            "tools/call" => {
                let params = raw_member(&seen.body, "params").expect("params");
                self.write(seen, &format!(r#"{{"by":"{id}","params":{params}}}"#))
            }
            other => panic!("{} does not know {other}", self.name),
        }
        .says()
    }

    fn open(&mut self, seen: &Seen) -> Response {
        assert_eq!(seen.header("mcp-session-id"), None, "a foreign session");
        self.opened += 1;
        let id = format!("{}-{}", self.name, self.opened);
        self.sessions.insert(id.clone(), false);
        let result = format!(
            r#"{{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{{"name":"s","version":"1"}}}}"#,
            self.capabilities
        );
        self.write(seen, &result).with("mcp-session-id", id)
    }

    fn write(&mut self, seen: &Seen, result: &str) -> Response {
        let message = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        if self.chance.one_in(2) {
            return Response::new(200, "application/json", message);
        }
        let stream = event_stream(&mut self.chance, &message);
        Response::new(200, "text/event-stream", stream)
    }
}
