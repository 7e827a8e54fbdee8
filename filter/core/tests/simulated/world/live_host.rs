//! The host of a client that listens: what the core wants done for it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use mcp_mux_core::effect::{CallId, CallKey, Callout, Counter, HeaderChanges, Reply, ReplyHead};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Level, NotSent, NotStored, Stream};

use super::live::{Call, Live};
use super::message::{Piece, cut};
use super::{Answer, Response, Seen, World, owned, value};

/// What serves the client, for one event.
pub(super) struct LiveHost<'l> {
    pub(super) world: &'l mut World,
    pub(super) live: &'l mut Live,
}

impl HostEnv for LiveHost<'_> {
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
        self.world.abilities
    }
}

impl mcp_mux_driver::Host for LiveHost<'_> {
    fn call(&mut self, call: Callout) -> Result<(), NotSent> {
        let Callout { id, cluster, headers, body, timeout, key } = call;
        let head = owned(&headers);
        assert!(self.live.calls.iter().all(|call| call.id != id), "a call of the same name");
        let answer = self.world.ask(&Seen { cluster: cluster.clone(), routed: false, head, body });
        let (pieces, is_open) = match answer {
            Answer::NotSent => return Err(NotSent),
            Answer::Silent => (VecDeque::from([Piece::Failed(CallFailure::NoAnswer)]), false),
            Answer::TooLarge => (VecDeque::from([Piece::Failed(CallFailure::TooLarge)]), false),
            Answer::Says(Response { status, mut head, body, .. }) => {
                let kind = value(&head, "content-type").unwrap_or_default();
                let is_stream = kind.starts_with(b"text/event-stream");
                let is_open = timeout.is_none() && status == 200 && is_stream;
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                let mut pieces = cut(&mut self.world.chance, &head, &body, false);
                if is_open {
                    let open = |piece: &mut Piece| match piece {
                        Piece::Head(_, end) | Piece::Body(_, end) => *end = false,
                        _ => {}
                    };
                    pieces.iter_mut().for_each(open);
                }
                (pieces, is_open)
            }
        };
        self.live.calls.push(Call { id, cluster, pieces, is_open, key });
        Ok(())
    }

    fn reply(&mut self, reply: Reply) {
        assert!(self.live.head.is_none() && self.live.reply.is_none(), "a second reply");
        self.live.reply = Some(reply);
    }

    fn begin_reply(&mut self, head: ReplyHead) {
        assert!(self.live.head.is_none() && self.live.reply.is_none(), "a second reply");
        self.live.head = Some(head);
    }

    fn send_reply(&mut self, bytes: &[u8]) {
        assert!(self.live.head.is_some() && !self.live.is_ended, "no reply to go on with");
        assert!(!bytes.is_empty() && !self.live.is_slow, "more for a slow client");
        self.live.out.extend(bytes);
    }

    fn end_reply(&mut self) {
        assert!(!std::mem::replace(&mut self.live.is_ended, true), "ends twice");
    }

    fn cancel(&mut self, call: CallId) {
        let at = self.live.calls.iter().position(|it| it.id == call);
        self.live.calls.remove(at.expect("a call that is under way"));
        self.live.cancelled += 1;
    }

    fn park(&mut self, call: CallId) {
        let at = self.live.calls.iter().position(|it| it.id == call);
        let call = self.live.calls.remove(at.expect("a call that is under way"));
        assert!(call.key.is_some(), "a call that cannot be parked");
        self.world.parked.push(call);
    }

    fn adopt(&mut self, key: CallKey, id: CallId) -> Result<(), NotSent> {
        let at = self.world.parked.iter().position(|it| it.key == Some(key)).ok_or(NotSent)?;
        let call = self.world.parked.remove(at);
        self.live.calls.push(Call { id, ..call });
        Ok(())
    }

    fn wake_after(&mut self, time: Duration) {
        assert!(time >= Duration::from_secs(1), "wakes up all the time");
        self.live.timer = Some(self.world.ambient.now + time.as_secs());
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        self.world.ambient.note(session, note, expires);
        Ok(())
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        self.world.ambient.list_changed(lists);
        Ok(())
    }

    fn count(&mut self, _: &Gateway, counter: Counter, by: u64) {
        self.live.counts.extend((0..by).map(|_| counter.clone()));
    }

    fn log(&mut self, level: Level, line: &str) {
        if level == Level::Warn && !line.ends_with(" session: initialized") {
            self.live.warnings.push(line.to_owned());
        }
    }

    fn waker(&mut self, _: &Rc<Stream>) -> Waker {
        self.live.woken.clone().into()
    }

    // Nothing goes on here.
    fn watch_sessions(&mut self) {}
    fn change_request_head(&mut self, _: &HeaderChanges) {}
    fn replace_request_body(&mut self, _: Vec<u8>) {}
    fn reroute(&mut self) {}
    fn resume_request(&mut self) {}
    fn change_response_head(&mut self, _: &HeaderChanges) {}
    fn replace_response_body(&mut self, _: Vec<u8>) {}
    fn prepend_response_body(&mut self, _: Vec<u8>) {}
}
