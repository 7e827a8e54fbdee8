//! Sends a request once more instead of answering it. Its upstream has lost the session ([`retry`]), wants
//! other headers ([`list_again`]), or wants to be asked again ([`ask_again`]).

use super::ErrorResponse;
use crate::effect::{Effect, HeaderChanges, Step};
use crate::exchange::fan_out::refusal::SessionState;
use crate::exchange::response::first_look::{FirstLook, LooksFor, asks_again, first_look};
use crate::exchange::routed::await_response::{self, Served};
use crate::exchange::routed::open_upstream::Refused;
use crate::exchange::routed::request::{Outbound, Routed};
use crate::exchange::routed::{ask_again, list_again, open_upstream, retry};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};

/// How many bytes an effect puts in place of those that came.
fn replaced(effect: &Effect) -> Option<usize> {
    match effect {
        Effect::ResponseBody(bytes) => Some(bytes.len()),
        _ => None,
    }
}

impl ErrorResponse {
    /// Takes the first bytes of an answer that is no refusal by its status.
    pub(super) fn first_bytes(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        (served, wanted): (Served, LooksFor),
        chunk: &[u8],
        end: bool,
    ) -> Turn {
        let is_first = self.body.is_empty();
        if !is_first {
            self.body.extend_from_slice(chunk);
        }
        let body = if is_first { chunk } else { &self.body };
        let limit = cx.gateway.limits.upstream_body;
        let look = match wanted {
            LooksFor::LostSession => first_look(&self.head, body, end, limit),
            LooksFor::AskingAgain(length) => asks_again(&self.head, body, length, (end, limit)),
        };
        if look != FirstLook::Passes && is_first {
            self.body = chunk.to_vec();
        }
        match (look, self.forward.take()) {
            (FirstLook::Passes, Some(forward)) => {
                let body = if is_first { chunk } else { &self.body };
                let is_whole = served.is_whole(body, limit);
                let served = if is_whole { served.whole() } else { served };
                let (next, Step { mut effects, .. }) = await_response::pass(cx, *forward, served);
                let (next, step) = next.response_body(cx, body, end);
                let changed = step.effects.iter().find_map(replaced);
                if let Some(length) = changed.filter(|length| is_whole && *length != body.len()) {
                    let mut measured = HeaderChanges::default();
                    measured.set("content-length", length.to_string().as_bytes());
                    effects.push(Effect::ResponseHead(measured));
                }
                if !is_first && changed.is_none() {
                    effects.push(Effect::ResponseBody(body.to_vec()));
                }
                effects.extend(step.effects);
                (next, Step::pass_with(effects))
            }
            (FirstLook::Open, forward) => {
                (self.forward, self.served) = (forward, Some((served, wanted)));
                (Next::ErrorResponse(self), Step::hold())
            }
            (FirstLook::AsksAgain, forward) => {
                self.forward = forward;
                self.ask_again(cx)
            }
            (_, forward) => {
                self.forward = forward;
                self.reopen(cx, SessionState::Doubtful)
            }
        }
    }

    /// Whether all that was received of it wants to be asked again.
    pub(super) fn asks_again(&self, cx: &Context<'_>) -> bool {
        let Some((_, LooksFor::AskingAgain(length))) = self.served else { return false };
        let limit = cx.gateway.limits.upstream_body;
        asks_again(&self.head, &self.body, length, (true, limit)) == FirstLook::AsksAgain
    }

    /// Does what it wants.
    pub(super) fn ask_again(self, cx: &mut Context<'_>) -> Turn {
        let Self { forward, head, body, .. } = self;
        match forward.map(|it| *it) {
            Some(Outbound { routed, caller }) => {
                ask_again::answered(cx, routed, caller, &head.message(&body))
            }
            None => (Next::Bypass, Step::pass()),
        }
    }

    /// Makes the call once more as the upstream lists its tool now.
    pub(super) fn list_again(self, cx: &mut Context<'_>) -> Turn {
        match self.forward.map(|it| *it) {
            Some(Outbound { routed: Routed::Call(call), caller }) => {
                list_again::start(cx, call, caller)
            }
            _ => (Next::Bypass, Step::pass()),
        }
    }

    /// Opens the session again if the upstream has lost it, and sends the request once more if it can.
    pub(super) fn reopen(self, cx: &mut Context<'_>, state: SessionState) -> Turn {
        let is_of_other_era = self.is_of_other_era();
        let refused = Refused {
            answer: self.answer(cx),
            fault: self.fault(cx),
            is_certain: state == SessionState::Lost,
        };
        match self.forward.map(|it| *it) {
            Some(Outbound { routed: Routed::Call(mut call), caller })
                if refused.is_certain && call.is_kept() =>
            {
                call.refused_stateless = is_of_other_era;
                retry::start(cx, call, caller)
            }
            Some(_) if is_of_other_era => reply::now(refused.answer),
            Some(outbound) => open_upstream::again(cx, outbound, refused),
            None => (Next::Bypass, Step::pass()),
        }
    }
}
