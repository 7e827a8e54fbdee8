//! The host's other half: hands events to the exchange and carries out what comes back.

use std::collections::VecDeque;

use mcp_mux_core::effect::{CallId, Callout, Effect, Verdict};
use mcp_mux_core::event::{CallFailure, Event};
use mcp_mux_core::session::store;

use super::host::{Host, Pending};
use super::http::{Answer, Response, Seen, change};
use super::message::Piece;

impl Host<'_> {
    /// Hands an event over and carries out what comes back, then the failures of that.
    pub(super) fn handle(&mut self, event: Event<'_>) -> Verdict {
        let step = self.exchange.handle(&mut self.world.cx(), event);
        // Asked by hosts with every event, so it must not cost much.
        self.held = self.exchange.held();
        let mut refused = self.carry_out(step.effects);
        while let Some(call) = refused.pop_front() {
            let failed = Event::CallFailed { call, failure: CallFailure::NotSent };
            let step = self.exchange.handle(&mut self.world.cx(), failed);
            self.held = self.exchange.held();
            refused.extend(self.carry_out(step.effects));
        }
        step.verdict
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> VecDeque<CallId> {
        let mut refused = VecDeque::new();
        for effect in effects {
            match effect {
                Effect::Call(call) => refused.extend(self.call(call)),
                Effect::Reroute => self.rerouted = true,
                Effect::RequestHeader(it) => {
                    assert!(!self.request.gone, "the head has left: {it:?}");
                    change(&mut self.request.head, it);
                }
                Effect::RequestBody(bytes) => self.request.replaced = Some(bytes),
                Effect::ResponseHeader(it) => {
                    assert!(self.answering && !self.response.gone, "no such head: {it:?}");
                    change(&mut self.response.head, it);
                }
                Effect::ResponseBody(bytes) => {
                    self.world.put_back += bytes.len();
                    self.response.replaced = Some(bytes);
                }
                Effect::ResponseLead(bytes) => self.response.lead = bytes,
                Effect::Reply(reply) => {
                    assert!(self.reply.replace(reply).is_none(), "a second reply");
                }
                Effect::Count(counter, by) => {
                    assert!(by > 0);
                    self.counts.extend((0..by).map(|_| counter.clone()));
                }
                // Told of, but no failure.
                Effect::Warn(line) if line.ends_with("had no part in a session: initialized") => {}
                Effect::Warn(line) => self.warnings.push(line),
                Effect::Note { session, note, expires } => {
                    let ambient = &mut self.world.ambient;
                    let slot = ambient.shared.entry(store::slot_key(session)).or_default();
                    *slot = store::add(slot, session, &note, expires, ambient.now);
                }
                Effect::Changed(kind) => self.world.ambient.changed(kind),
                // Nobody waits here; a crowd does.
                Effect::Publish(..) => {}
                Effect::Subscribe(_) | Effect::Wake => panic!("waits for nobody"),
                Effect::Resume => {
                    assert!(!self.request.gone && !self.answering, "nothing is held");
                    self.request.pass(&[]);
                }
            }
        }
        refused
    }

    /// Sends a side call; its name if it could not be sent.
    fn call(&mut self, call: Callout) -> Option<CallId> {
        let Callout { id, cluster, headers: head, body, timeout } = call;
        assert!(!timeout.is_zero());
        assert!(id.0 < 5000, "asks without end");
        let seen = Seen { cluster, routed: false, head, body };
        let events = match self.world.ask(&seen) {
            Answer::NotSent => return Some(id),
            Answer::Silent => VecDeque::from([Piece::Failed(CallFailure::NoAnswer)]),
            Answer::TooLarge => VecDeque::from([Piece::Failed(CallFailure::TooLarge)]),
            Answer::Says(Response { status, mut head, body, .. }) => {
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                self.cut(&head, &body, false)
            }
        };
        self.calls.push(Pending { id, events });
        None
    }
}
