//! The upstream's response to a routed request, on its way to the client.

pub(super) mod error;
pub(super) mod first_look;
pub(super) mod json;
pub(super) mod proxy_error;
pub(super) mod sse;

use crate::effect::Step;
use crate::event::{Event, Source};
use crate::exchange::response::error::ErrorResponse;
use crate::exchange::routed::await_response;
use crate::exchange::state::{RequestState, ResponseState};
use crate::exchange::{Context, Exchange};

impl Exchange {
    /// An event of the response that the exchange did not give.
    pub(super) fn on_response(&mut self, cx: &mut Context<'_>, event: &Event<'_>) -> Step {
        let turn = match (std::mem::take(&mut self.response), event) {
            (ResponseState::Awaited(it), Event::ResponseHead { headers, source, end }) => {
                await_response::head(cx, it, *headers, *source, *end)
            }
            (ResponseState::Json(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, *end)
            }
            (ResponseState::Json(it), Event::ResponseTrailers) => it.trailers(),
            (ResponseState::Sse(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, *end)
            }
            (ResponseState::Sse(it), Event::ResponseTrailers) => it.trailers(),
            (ResponseState::Error(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, *end)
            }
            (ResponseState::Error(it), Event::ResponseTrailers) => it.reply(cx),
            (
                ResponseState::Idle,
                Event::ResponseHead { headers, source: source @ Source::Overflow, end },
            ) if matches!(self.request, RequestState::Intake(_)) => {
                self.request = RequestState::Dropped;
                ErrorResponse::start(cx, None, *headers, *source, *end)
            }
            // The proxy has answered by itself, because the request took too long: nothing may be
            // sent, or sent on, any more.
            (ResponseState::Idle, Event::ResponseHead { .. })
                if matches!(self.request, RequestState::Held) =>
            {
                return Step::pass_with(self.give_up(cx));
            }
            (response, _) => {
                self.response = response;
                let held = matches!(self.response, ResponseState::Held);
                return if held { Step::hold() } else { Step::pass() };
            }
        };
        self.go_on(cx, turn)
    }
}
