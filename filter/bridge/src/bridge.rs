//! All sessions with all servers: whose each request and each answer is.

use std::collections::{BTreeMap, HashMap};

use crate::connection::Connection;
use crate::message::{Kind, Message};
use crate::out::Out;
use crate::{Asker, Effect, Part, Request, StreamId, head};

/// What there may be of everything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Sessions. One more ends the one that is unused for longest; if all are in use, it is refused (503).
    pub sessions: usize,
    /// Seconds for which a session may be unused.
    pub unused: u64,
    /// Bytes of an event of a server. A longer one ends its session.
    pub event: usize,
}

/// All sessions with all servers.
#[derive(Debug)]
pub struct Bridge {
    bounds: Bounds,
    connections: BTreeMap<u64, Connection>,
    /// By the server and the id of the session.
    sessions: HashMap<(usize, String), u64>,
    streams: BTreeMap<StreamId, u64>,
    askers: BTreeMap<Asker, u64>,
    next_connection: u64,
    next_stream: u64,
}

impl Bridge {
    /// A bridge without sessions.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            connections: BTreeMap::new(),
            sessions: HashMap::new(),
            streams: BTreeMap::new(),
            askers: BTreeMap::new(),
            next_connection: 0,
            next_stream: 0,
        }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.connections.len()
    }

    /// A request of the gateway. `now` is in seconds; `random` fills the id of a session.
    pub fn ask(
        &mut self,
        asker: Asker,
        request: Request,
        now: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Vec<Effect> {
        let server = request.server;
        if let Some(session) = head::session(&request.headers) {
            let Some(key) = self.sessions.get(&(server, session.to_owned())).copied() else {
                return self.refused(server, asker, 404, "Session not found");
            };
            self.askers.insert(asker, key);
            return self.in_connection(key, |it, out| {
                it.used = now;
                it.ask(out, asker, &request);
            });
        }
        let opens = |message: &Message<'_>| match &message.kind {
            Kind::Request { method, .. } => method == "initialize",
            _ => false,
        };
        if !Message::read(&request.body).as_ref().is_some_and(opens) {
            return self.refused(server, asker, 400, "no session, and no initialize");
        }
        let mut effects = Vec::new();
        if self.connections.len() >= self.bounds.sessions {
            let idle = self.connections.iter().filter(|(_, it)| it.is_idle());
            let Some(key) = idle.min_by_key(|(_, it)| it.used).map(|(key, _)| *key) else {
                return self.refused(server, asker, 503, "too many sessions");
            };
            effects = self.in_connection(key, Connection::close);
        }
        let (mut id, mut first_id) = ([0; 16], [0; 4]);
        random(&mut id);
        random(&mut first_id);
        let session = format!("{:032x}", u128::from_be_bytes(id));
        let key = self.next_connection;
        self.next_connection += 1;
        let mut out = Out { server, next: &mut self.next_stream, effects: Vec::new() };
        let bounds = (self.bounds.event, now, u32::from_be_bytes(first_id));
        let connection = Connection::open(&mut out, session.clone(), asker, request, bounds);
        let opened = out.effects;
        self.connections.insert(key, connection);
        self.sessions.insert((server, session), key);
        self.askers.insert(asker, key);
        effects.extend(self.settle(key, opened));
        effects
    }

    /// Whoever has made a request of the gateway waits for it no longer. Nothing more comes of it.
    pub fn gone(&mut self, asker: Asker) -> Vec<Effect> {
        let Some(key) = self.askers.remove(&asker) else { return Vec::new() };
        let mut effects = self.in_connection(key, |it, out| it.gone(out, asker));
        effects.retain(|effect| !matches!(effect, Effect::Answer(it, _) if *it == asker));
        effects
    }

    /// The head of an answer of a server: its status, its `content-type`, and those of [`PASSED`](crate::PASSED) that
    /// it has.
    pub fn head(
        &mut self,
        stream: StreamId,
        status: u16,
        kind: Option<&[u8]>,
        passed: &[(&'static str, &[u8])],
    ) -> Vec<Effect> {
        self.of_stream(stream, |it, out| it.head(out, stream, (status, kind, passed)))
    }

    /// The next bytes of an answer of a server.
    pub fn data(&mut self, stream: StreamId, bytes: &[u8]) -> Vec<Effect> {
        self.of_stream(stream, |it, out| it.data(out, stream, bytes))
    }

    /// An answer of a server is complete, or else broken off, or there was none.
    pub fn end(&mut self, stream: StreamId, is_whole: bool) -> Vec<Effect> {
        let effects = self.of_stream(stream, |it, out| it.end(out, stream, is_whole));
        self.streams.remove(&stream);
        // It has ended by itself.
        effects.into_iter().filter(|effect| *effect != Effect::Close(stream)).collect()
    }

    /// Ends sessions that were unused for too long; to be called now and then.
    pub fn tidy(&mut self, now: u64) -> Vec<Effect> {
        let unused = self.bounds.unused;
        let is_unused = |it: &Connection| it.is_idle() && it.used.saturating_add(unused) < now;
        let keys = self.connections.iter().filter(|(_, it)| is_unused(it));
        let keys: Vec<u64> = keys.map(|(key, _)| *key).collect();
        keys.into_iter().flat_map(|key| self.in_connection(key, Connection::close)).collect()
    }

    fn refused(&mut self, server: usize, asker: Asker, status: u16, why: &str) -> Vec<Effect> {
        let mut out = Out { server, next: &mut self.next_stream, effects: Vec::new() };
        out.refuse(asker, status, why);
        out.effects
    }

    fn of_stream(
        &mut self,
        stream: StreamId,
        event: impl FnOnce(&mut Connection, &mut Out<'_>),
    ) -> Vec<Effect> {
        let key = self.streams.get(&stream).copied();
        key.map_or_else(Vec::new, |key| self.in_connection(key, event))
    }

    /// Hands an event to a connection.
    fn in_connection(
        &mut self,
        key: u64,
        event: impl FnOnce(&mut Connection, &mut Out<'_>),
    ) -> Vec<Effect> {
        let Some(connection) = self.connections.get_mut(&key) else { return Vec::new() };
        let server = connection.server;
        let mut out = Out { server, next: &mut self.next_stream, effects: Vec::new() };
        event(connection, &mut out);
        connection.settle(&mut out);
        let effects = out.effects;
        self.settle(key, effects)
    }

    /// Keeps in mind whose everything is, after an event of a connection.
    fn settle(&mut self, key: u64, effects: Vec<Effect>) -> Vec<Effect> {
        for effect in &effects {
            match effect {
                Effect::Open { stream, .. } => drop(self.streams.insert(*stream, key)),
                Effect::Close(stream) => drop(self.streams.remove(stream)),
                Effect::Answer(asker, Part::End | Part::Lost) => drop(self.askers.remove(asker)),
                Effect::Answer(..) | Effect::Warn { .. } => {}
            }
        }
        let Some(connection) = self.connections.get(&key) else { return effects };
        if connection.is_over() {
            self.sessions.remove(&(connection.server, connection.session.clone()));
        }
        if connection.is_closed() {
            self.connections.remove(&key);
        }
        effects
    }
}
