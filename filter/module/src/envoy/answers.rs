//! What comes of the filter's own requests.

use std::borrow::Cow;

use mcp_mux_core::effect::{CallId, Callout};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::{Header, Headers};

use super::Envoy;
use crate::calls::{Call, Got, Parkable};
use crate::host::FilterRef;
use crate::{main_thread, timer};

impl Envoy<'_> {
    /// Hands over what came of a request of ours.
    pub(crate) fn got(&mut self, id: u64, got: Got<'_>) {
        let filter = self.filter;
        if filter.routed.is(id) {
            return self.routed_got(got);
        }
        let Some(call) = filter.call_id(id) else { return };
        match got {
            Got::Head(headers, end) => {
                let pairs: Vec<Header<'_>> =
                    headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                filter.stream.call_head(self, call, Headers(&pairs));
                if end {
                    self.got(id, Got::End);
                }
            }
            Got::Body(chunks, end) => {
                for chunk in chunks {
                    self.got_bytes(id, chunk);
                }
                if end {
                    self.got(id, Got::End);
                }
            }
            Got::End => match self.forget(id) {
                Some(Call { room: Some(room), .. }) => {
                    let limit = filter.worker.gateway().limits.upstream_body;
                    filter.stream.call_complete(self, call, limit.saturating_sub(room));
                }
                _ => filter.stream.call_body(self, call, Cow::Borrowed(&[]), true),
            },
            Got::Lost => {
                self.forget(id);
                filter.stream.call_failed(self, call, CallFailure::NoAnswer);
            }
            Got::NotSent => {
                self.forget(id);
                filter.stream.call_failed(self, call, CallFailure::NotSent);
            }
        }
    }

    /// Hands over bytes of an answer, unless there are too many.
    fn got_bytes(&mut self, id: u64, chunk: Cow<'_, [u8]>) {
        let filter = self.filter;
        let Some((call, room)) = self.take_room(id, chunk.len()) else { return };
        let failure = if room {
            (!filter.stream.has_room(self, chunk.len())).then_some(CallFailure::OverBudget)
        } else {
            Some(CallFailure::TooLarge)
        };
        if let Some(failure) = failure {
            self.break_off(self.envoy, id);
            filter.stream.call_failed(self, call, failure);
        } else {
            filter.stream.call_body(self, call, chunk, false);
        }
    }

    /// The call, and whether its answer may have so many bytes more.
    fn take_room(&self, id: u64, size: usize) -> Option<(CallId, bool)> {
        let mut calls = self.filter.calls.borrow_mut();
        let call = calls.get_mut(&id)?;
        let room = call.room.is_none_or(|room| size <= room);
        call.room = call.room.map(|room| room.saturating_sub(size));
        Some((call.id, room))
    }

    pub(super) fn break_off(&self, envoy: FilterRef, id: u64) {
        self.forget(id);
        if main_thread::is_asker(id) {
            self.filter.config.main.gone(id);
        } else {
            envoy.reset_stream(id);
        }
    }

    /// Sends a request by way of the main thread, if it may be parked or is for a server of the bridge.
    pub(super) fn ask(&self, callout: &mut Option<Callout>) -> Option<(u64, Option<Parkable>)> {
        let main = &self.filter.config.main;
        if let Some(key) = callout.as_ref()?.key {
            let (id, line) = main.call(callout.take()?, self.filter.mailbox()?);
            return Some((id, Some((key, line))));
        }
        let callout = callout.as_ref()?;
        let asker = main.ask(main.servers.request(callout)?, Some(self.filter.mailbox()?));
        if let (Some(time), Some(scheduler)) = (callout.timeout, self.filter.scheduler()) {
            timer::after(time, scheduler.clone(), asker);
        }
        Some((asker, None))
    }

    pub(super) fn forget(&self, id: u64) -> Option<Call> {
        self.filter.calls.borrow_mut().remove(&id)
    }

    /// Another answer takes the place of the one that comes from the bridge.
    pub(super) fn abandon_routed(&self) {
        self.filter.routed.abandon(&self.filter.config.main);
    }
}
