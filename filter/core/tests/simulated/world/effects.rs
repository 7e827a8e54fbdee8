//! The host's other half: does what the core wants.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use mcp_mux_core::effect::{Callout, Counter, HeaderChanges, Reply};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Level, Metric, NotSent, NotStored, Stream};

use super::host::{Host, Pending};
use super::http::{Answer, Response, Seen, change, owned};
use super::message::Piece;

impl HostEnv for Host<'_> {
    fn clock(&self) -> u64 {
        self.world.ambient.now * 1_000_000
    }

    fn now(&self) -> u64 {
        self.world.ambient.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.world.ambient.fill(bytes);
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        self.world.ambient.session_notes(session)
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        self.world.ambient.list_changes(lists)
    }

    fn abilities(&self) -> Abilities {
        let memory = if self.full { 0 } else { usize::MAX };
        Abilities { memory, ..self.world.abilities }
    }
}

impl mcp_mux_driver::Host for Host<'_> {
    fn call(&mut self, callout: Callout) -> Result<(), NotSent> {
        let Callout { id, cluster, headers, body, timeout, key } = callout;
        assert_eq!(key, None, "nothing outlives an exchange in a host that does not stream");
        assert!(!timeout.is_some_and(|it| it.is_zero()));
        assert!(id.0 < 5000, "asks without end");
        let head = owned(&headers);
        let seen = Seen { cluster, routed: false, head, body };
        let events = match self.world.ask(&seen) {
            // Hosts say so in one way or the other.
            Answer::NotSent if id.0 % 2 == 0 => return Err(NotSent),
            Answer::NotSent => {
                self.stream.clone().call_failed(self, id, CallFailure::NotSent);
                return Ok(());
            }
            Answer::Silent => VecDeque::from([Piece::Failed(CallFailure::NoAnswer)]),
            Answer::TooLarge => VecDeque::from([Piece::Failed(CallFailure::TooLarge)]),
            Answer::Says(Response { status, mut head, body, .. }) => {
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                self.cut(&head, &body, false)
            }
        };
        self.calls.push(Pending { id, events });
        Ok(())
    }

    fn change_request_head(&mut self, changes: &HeaderChanges) {
        assert!(!self.request.gone, "the head has left: {changes:?}");
        changes.iter().for_each(|it| change(&mut self.request.head, it));
    }

    fn replace_request_body(&mut self, bytes: Vec<u8>) {
        self.request.replaced = Some(bytes);
    }

    fn reroute(&mut self) {
        self.rerouted = true;
    }

    fn resume_request(&mut self) {
        assert!(!self.request.gone && !self.answering, "nothing is held");
        self.request.pass(&[]);
    }

    fn change_response_head(&mut self, changes: &HeaderChanges) {
        assert!(self.answering && !self.response.gone, "no such head: {changes:?}");
        changes.iter().for_each(|it| change(&mut self.response.head, it));
    }

    fn replace_response_body(&mut self, bytes: Vec<u8>) {
        self.world.put_back += bytes.len();
        self.response.replaced = Some(bytes);
    }

    fn prepend_response_body(&mut self, bytes: Vec<u8>) {
        self.response.lead = bytes;
    }

    fn reply(&mut self, reply: Reply) {
        assert!(self.reply.replace(reply).is_none(), "a second reply");
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        self.world.ambient.note(session, note, expires);
        Ok(())
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        self.world.ambient.list_changed(lists);
        Ok(())
    }

    // Nobody waits here; a crowd does.
    fn waker(&mut self, _: &Rc<Stream>) -> Waker {
        Waker::noop().clone()
    }
    fn watch_sessions(&mut self) {}

    fn count(&mut self, _: &Gateway, counter: Counter, by: u64) {
        assert!(by > 0);
        if let Counter::Fault { upstream, fault } = counter {
            self.faults.push((upstream, fault));
            return;
        }
        self.counts.extend((0..by).map(|_| counter.clone()));
    }

    fn record(&mut self, metric: Metric<'_>, value: u64) {
        let mut name = String::new();
        metric.write_name(&mut name);
        self.told.push(format!("{name} {value}"));
    }

    fn describe(&mut self, field: &'static str, value: &str) {
        self.told.push(format!("{} {value}", field.replacen("wasm.", "", 1)));
    }

    fn log(&mut self, level: Level, line: &str) {
        // Told of, but no failure.
        if level == Level::Info {
            self.world.informed.push(line.to_owned());
        } else if line.ends_with(" session: initialized") {
            self.world.opened.push(line.to_owned());
        } else {
            self.warnings.push(line.to_owned());
        }
    }
}
