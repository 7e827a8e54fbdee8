//! Envoy as the driver's host: what the core wants done becomes calls into Envoy.

use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use mcp_mux_core::effect::{
    CallId, CallKey, Callout, Counter, HeaderChange, HeaderChanges, Reply, ReplyHead, Verdict,
};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Host, Level, Metric, NotSent, NotStored, PAUSE, Stream};

use crate::calls::Call;
use crate::filter::{Filter, Part, TURN};
use crate::host::{Body, FilterRef, Map, lent_headers};
use crate::shared::{self, NOTES};
use crate::{plugin, timer};

mod answers;

/// How many bytes of requests and answers the streams of one worker may hold together.
const MEMORY: usize = 512 << 20;

/// So many bytes fit into Envoy's buffer in all configurations that its documentation shows.
const REQUEST_BUFFER: usize = 32 * 1024;

/// Envoy, for one hook of a filter.
pub(crate) struct Envoy<'e> {
    pub(crate) filter: &'e Filter,
    pub(crate) envoy: FilterRef,
}

impl Envoy<'_> {
    /// The filter in Envoy, unless its stream has completed meanwhile.
    fn envoy(&self) -> Option<FilterRef> {
        self.filter.envoy.get()
    }

    fn change_head(&self, map: Map, changes: &HeaderChanges) {
        let Some(envoy) = self.envoy() else { return };
        for change in changes.iter() {
            match change {
                HeaderChange::Set(name, value) => envoy.set_header(map, name, value),
                HeaderChange::Remove(name) => envoy.remove_header(map, name),
            }
        }
    }

    /// Puts bytes in place of those that have come in this hook, or else of all that Envoy holds.
    fn replace_body(&self, now: Body, held: Body, part: Part, bytes: &[u8]) {
        let Some(envoy) = self.envoy() else { return };
        let body = if self.filter.part.get() == part { now } else { held };
        if envoy.body_size(body) > 0 {
            envoy.drain_body(body);
        }
        if !bytes.is_empty() {
            envoy.append_body(body, bytes);
        }
    }
}

impl HostEnv for Envoy<'_> {
    fn now(&self) -> u64 {
        shared::now()
    }

    fn clock(&self) -> u64 {
        shared::clock()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        shared::random(bytes);
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        NOTES.session_notes(session)
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        NOTES.list_changes(lists)
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            memory: MEMORY,
            request_buffer: REQUEST_BUFFER,
            one_memory: NOTES.configurations() == 1,
            shares_memory: true,
            streams: true,
        }
    }
}

impl Host for Envoy<'_> {
    fn call(&mut self, callout: Callout) -> Result<(), NotSent> {
        let envoy = self.envoy().ok_or(NotSent)?;
        let (id, timeout) = (callout.id, callout.timeout);
        let mut callout = Some(callout);
        let asked = self.ask(&mut callout);
        let send = || {
            let Callout { cluster, headers, body, .. } = callout?;
            let length = body.len().to_string();
            let length = (!body.is_empty()).then_some(("content-length", length.as_bytes()));
            let lent = lent_headers(headers.iter().chain(length));
            Some((envoy.start_stream(&cluster, &lent, &body, milliseconds(timeout))?, None))
        };
        let (call, line) = asked.or_else(send).ok_or(NotSent)?;
        let limit = self.filter.worker.gateway().limits.upstream_body;
        let room = timeout.map(|_| limit);
        self.filter.calls.borrow_mut().insert(call, Call { id, room, line });
        Ok(())
    }

    fn cancel(&mut self, call: CallId) {
        let known = |(id, it): (&u64, &Call)| (it.id == call).then_some(*id);
        let id = self.filter.calls.borrow().iter().find_map(known);
        if let (Some(id), Some(envoy)) = (id, self.envoy()) {
            self.break_off(envoy, id);
        }
    }

    fn park(&mut self, call: CallId) {
        let known = |(id, it): (&u64, &Call)| (it.id == call).then_some(*id);
        let id = self.filter.calls.borrow().iter().find_map(known);
        let parked = id.and_then(|id| self.filter.calls.borrow_mut().remove(&id));
        if let (Some(id), Some(Call { line: Some((key, line)), .. })) = (id, parked) {
            self.filter.config.main.park(key, line, self.filter.take_queued(id));
        }
    }

    fn adopt(&mut self, key: CallKey, id: CallId) -> Result<(), NotSent> {
        let mailbox = self.filter.mailbox().ok_or(NotSent)?;
        let line = self.filter.config.main.adopt(key).ok_or(NotSent)?;
        line.adopt(mailbox);
        let (number, line) = (line.id(), Some((key, line)));
        self.filter.calls.borrow_mut().insert(number, Call { id, room: None, line });
        Ok(())
    }

    fn change_request_head(&mut self, changes: &HeaderChanges) {
        if self.filter.config.bridging().is_some() {
            self.filter.routed.note(changes);
        }
        self.change_head(Map::Request, changes);
    }

    fn replace_request_body(&mut self, bytes: Vec<u8>) {
        self.replace_body(Body::RequestNow, Body::RequestHeld, Part::RequestBody, &bytes);
    }

    fn reroute(&mut self) {
        if let Some(envoy) = self.envoy() {
            envoy.clear_route_cache();
        }
    }

    fn resume_request(&mut self) {
        match self.filter.part.get() {
            // Envoy goes on when the hook says so.
            Part::RequestHead | Part::RequestBody | Part::RequestTrailers => {
                self.filter.resumed.set(true);
            }
            _ => {
                if self.filter.divert(Verdict::Pass, false) == Verdict::Pass
                    && let Some(envoy) = self.envoy()
                {
                    envoy.continue_decoding();
                }
            }
        }
    }

    fn change_response_head(&mut self, changes: &HeaderChanges) {
        if !self.filter.routed.change_head(changes) {
            self.change_head(Map::Response, changes);
        }
    }

    fn replace_response_body(&mut self, bytes: Vec<u8>) {
        if self.filter.routed.is_diverted() {
            return self.filter.routed.replace(bytes);
        }
        self.replace_body(Body::ResponseNow, Body::ResponseHeld, Part::ResponseBody, &bytes);
    }

    fn prepend_response_body(&mut self, mut bytes: Vec<u8>) {
        if self.filter.routed.is_diverted() {
            return self.filter.routed.prepend(bytes);
        }
        if let Some(envoy) = self.envoy() {
            for piece in envoy.body(Body::ResponseNow) {
                bytes.extend_from_slice(piece.bytes());
            }
            self.replace_response_body(bytes);
        }
    }

    fn reply(&mut self, reply: Reply) {
        let Some(envoy) = self.envoy() else { return };
        self.abandon_routed();
        let Reply { status, headers, body } = reply;
        let lent = lent_headers(headers.iter().map(|(name, value)| (*name, value.as_slice())));
        envoy.send_response(status, &lent, &body);
    }

    fn begin_reply(&mut self, head: ReplyHead) {
        let Some(envoy) = self.envoy() else { return };
        self.abandon_routed();
        let status = head.status.to_string();
        let first = (":status", status.as_bytes());
        let rest = head.headers.iter().map(|(name, value)| (*name, value.as_slice()));
        envoy.send_response_headers(&lent_headers(std::iter::once(first).chain(rest)));
    }

    fn send_reply(&mut self, bytes: &[u8]) {
        if let Some(envoy) = self.envoy() {
            envoy.send_response_data(bytes, false);
        }
    }

    fn end_reply(&mut self) {
        if let Some(envoy) = self.envoy() {
            envoy.send_response_data(&[], true);
        }
    }

    fn wake_after(&mut self, time: Duration) {
        let timer = self.filter.timer.get() + 1;
        self.filter.timer.set(timer);
        if let Some(scheduler) = self.filter.scheduler() {
            timer::after(time, scheduler.clone(), timer);
        }
    }

    fn take_turn(&mut self, _stream: &Rc<Stream>) -> bool {
        let Some(scheduler) = self.filter.scheduler() else { return false };
        timer::after(PAUSE, scheduler.clone(), TURN)
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        NOTES.note(session, note, expires, shared::now());
        Ok(())
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        NOTES.list_changed(lists);
        Ok(())
    }

    /// A stream has no waker made but in its own hooks.
    fn waker(&mut self, _stream: &Rc<Stream>) -> Waker {
        self.filter.waker()
    }

    fn watch_sessions(&mut self) {
        self.filter.config.watch();
    }

    fn count(&mut self, _gateway: &Gateway, counter: Counter, by: u64) {
        if let (Some(id), Some(envoy)) = (self.filter.config.counter(&counter), self.envoy()) {
            envoy.increment(id, by);
        }
    }

    fn record(&mut self, metric: Metric<'_>, value: u64) {
        let (config, Some(envoy)) = (&self.filter.config, self.envoy()) else { return };
        if let Some(id) = config.frequent(metric) {
            envoy.record(id, &[], value);
        } else if let Some(id) = config.family(metric.family) {
            envoy.record(id, metric.values, value);
        }
    }

    fn adjust(&mut self, metric: Metric<'_>, by: i64) {
        if let (Some(id), Some(envoy)) = (self.filter.config.family(metric.family), self.envoy()) {
            envoy.adjust(id, metric.values, by);
        }
    }

    fn set(&mut self, metric: Metric<'_>, value: u64) {
        if let (Some(id), Some(envoy)) = (self.filter.config.family(metric.family), self.envoy()) {
            envoy.set(id, metric.values, value);
        }
    }

    fn describe(&mut self, field: &'static str, value: &str) {
        if let Some(envoy) = self.envoy() {
            envoy.describe(field, value);
        }
    }

    fn log(&mut self, level: Level, line: &str) {
        plugin::log(level, line);
    }
}

/// A timeout as Envoy takes it: none is 0.
pub(crate) fn milliseconds(timeout: Option<Duration>) -> u64 {
    let milliseconds = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX).max(1);
    timeout.map_or(0, milliseconds)
}
