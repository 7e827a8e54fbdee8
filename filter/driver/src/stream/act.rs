//! What a host does for each thing that the core wants.

use mcp_mux_core::Note;
use mcp_mux_core::effect::{Counter, Effect};
use mcp_mux_core::event::CallFailure;

use super::Stream;
use crate::host::{Host, Level, NotSent, NotStored};
use crate::mailbox::News;

impl Stream {
    /// Does one thing that the core wants.
    pub(super) fn act(&self, host: &mut impl Host, effect: Effect) {
        match effect {
            Effect::Call(callout) => {
                let call = callout.id;
                if host.call(callout) == Err(NotSent) {
                    self.call_failed(host, call, CallFailure::NotSent);
                }
            }
            Effect::Reroute => host.reroute(),
            Effect::RequestHead(changes) => host.change_request_head(&changes),
            Effect::RequestBody(bytes) => host.replace_request_body(bytes),
            Effect::ResponseHead(changes) => host.change_response_head(&changes),
            Effect::ResponseBody(bytes) => host.replace_response_body(bytes),
            Effect::ResponseLead(bytes) => host.prepend_response_body(bytes),
            Effect::Reply(reply) => host.reply(reply),
            Effect::LongReply(head, body) => self.reply_in_turns(host, head, body),
            Effect::ReplyHead(head) => host.begin_reply(head),
            Effect::ReplyData(bytes) => host.send_reply(&bytes),
            Effect::ReplyEnd => host.end_reply(),
            Effect::Continue(call) => self.read_later(host, call),
            Effect::CancelCall(call) => {
                self.turns.borrow_mut().forget(call);
                host.cancel(call);
            }
            Effect::Park(call) => host.park(call),
            Effect::Adopt { key, call } => {
                if host.adopt(key, call) == Err(NotSent) {
                    self.call_failed(host, call, CallFailure::NotSent);
                }
            }
            Effect::WakeAfter(time) => host.wake_after(time),
            Effect::Count(counter, by) => host.count(self.worker.gateway(), counter, by),
            Effect::Operation(operation) => self.ended_as(host, &operation),
            Effect::Answered(answered) => self.answered(host, answered),
            Effect::Stream(kind, has_begun) => Self::streams(host, kind, has_begun),
            Effect::Era(upstream, era) => self.is_of_era(host, upstream, era),
            Effect::Fault { upstream, fault, .. } => {
                host.count(self.worker.gateway(), Counter::Fault { upstream, fault }, 1);
            }
            Effect::Warn(line) => host.log(Level::Warn, &line),
            Effect::Inform(line) => host.log(Level::Info, &line),
            Effect::Note { session, note, expires } => {
                let joined = match &note {
                    Note::Joined(parts) => parts.clone(),
                    _ => Vec::new(),
                };
                if host.note(session, note, expires) == Err(NotStored) {
                    let line = "a change of a session could not be stored for the other workers";
                    host.log(Level::Warn, line);
                }
                if !joined.is_empty() {
                    self.worker.shared().memory.joined(session, &joined);
                }
            }
            Effect::Resume => host.resume_request(),
            Effect::Subscribe(flight) => {
                if let Some(mailbox) = self.await_news(host, Some(flight)) {
                    self.worker.shared().subscribe(flight, &mailbox);
                }
            }
            Effect::Publish(flight, answer) => {
                self.worker.shared().publish(flight, answer.as_ref());
            }
            Effect::Wake => {
                if let Some(mailbox) = self.await_news(host, None) {
                    mailbox.deliver(News::Woken);
                }
            }
            Effect::Await(inbox) => self.await_answers(host, &inbox),
            Effect::ListChanged(lists) => {
                if host.list_changed(lists) == Err(NotStored) {
                    let line = "a change of lists could not be stored for the other workers";
                    host.log(Level::Warn, line);
                }
            }
        }
    }
}
