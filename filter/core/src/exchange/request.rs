//! The client's request: from its head to the decision where it goes.

pub(super) mod early_route;
pub(super) mod intake;
pub(crate) mod message;
mod metadata;
pub(crate) mod params;
pub(super) mod stream;
pub(super) mod transport;
pub(super) mod validator;

use crate::effect::{Effect, Step};
use crate::error::ClientError;
use crate::event::Event;
use crate::exchange::request::stream::{BrokenOff, RequestStream};
use crate::exchange::state::{Next, RequestState, ResponseState};
use crate::exchange::{Context, Exchange};

impl Exchange {
    /// An event of the client's request.
    pub(super) fn on_request(&mut self, cx: &mut Context<'_>, event: &Event<'_>) -> Step {
        let turn = match (std::mem::replace(&mut self.request, RequestState::Bypass), event) {
            (RequestState::Fresh, Event::RequestHead { headers, end }) => {
                intake::head(cx, *headers, *end)
            }
            (RequestState::Intake(it), Event::RequestBody { chunk, end }) => {
                let early = !end && it.is_completed_by(chunk);
                let turn = it.body(cx, chunk, *end);
                let step = self.go_on(cx, turn);
                return if early { self.answer_later(step) } else { step };
            }
            (RequestState::Intake(it), Event::RequestTrailers) => it.trailers(),
            (
                RequestState::Answered(step),
                Event::RequestBody { end: true, .. } | Event::RequestTrailers,
            ) => {
                self.request = RequestState::Dropped;
                return step;
            }
            (RequestState::Streaming(it), Event::RequestBody { .. } | Event::RequestTrailers) => {
                return self.stream(cx, it, event);
            }
            (request, event) => {
                let held = match &request {
                    RequestState::Held | RequestState::Answered(_) | RequestState::Dropped => true,
                    _ => matches!(self.response, ResponseState::Held),
                };
                // The request was as long as its head said: what follows is no part of it.
                let excess = matches!(request, RequestState::Sent)
                    && matches!(event, Event::RequestBody { chunk, .. } if !chunk.is_empty());
                self.request = request;
                return match (held, excess) {
                    (true, _) => Step::hold(),
                    (false, true) => Step::pass_with(vec![Effect::RequestBody(Vec::new())]),
                    (false, false) => Step::pass(),
                };
            }
        };
        self.go_on(cx, turn)
    }

    /// More of a request that goes on as it comes.
    fn stream(
        &mut self,
        cx: &Context<'_>,
        mut stream: Box<RequestStream>,
        event: &Event<'_>,
    ) -> Step {
        let (streamed, end) = match event {
            Event::RequestBody { chunk, end } => (stream.body(cx, chunk, *end), *end),
            _ => (Err(BrokenOff::Invalid(ClientError::Trailers)), true),
        };
        match streamed {
            Ok(changed) => {
                if let Some(routed) = self.response.routed() {
                    stream.id().into_iter().for_each(|id| routed.learn(id));
                    if end && let Some(body) = stream.take_copy() {
                        routed.keep(body);
                    }
                }
                self.request =
                    if end { RequestState::Sent } else { RequestState::Streaming(stream) };
                // A response that is being replaced needs no more of the request.
                if matches!(self.response, ResponseState::Held) {
                    return Step::hold();
                }
                Step::pass_with(changed.map(Effect::RequestBody).into_iter().collect())
            }
            Err(why) => {
                let mut effects = stream.refused(why);
                // The response that streamed through was counted as it began.
                if matches!(self.response, ResponseState::Bypass) {
                    effects.retain(|effect| !matches!(effect, Effect::Operation(_)));
                }
                self.enter(Next::Replied);
                Step::hold_with(effects)
            }
        }
    }

    /// Keeps an answer back until the host has seen the request's end: to an answer before that, Envoy
    /// closes an HTTP/1 connection.
    fn answer_later(&mut self, step: Step) -> Step {
        let answers = |effect: &Effect| matches!(effect, Effect::Reply(_) | Effect::ReplyHead(_));
        if !step.effects.iter().any(answers) {
            return step;
        }
        self.request = RequestState::Answered(step);
        Step::hold()
    }
}
