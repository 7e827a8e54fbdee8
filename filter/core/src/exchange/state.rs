//! What an exchange can be in.

use crate::effect::{Effect, Step, Verdict};
use crate::event::Event;
use crate::exchange::Context;
use crate::exchange::fan_out::PendingFanOut;
use crate::exchange::fan_out::list_subscription::AwaitList;
use crate::exchange::request::intake::Intake;
use crate::exchange::response::error::ErrorResponse;
use crate::exchange::response::json::JsonResponse;
use crate::exchange::response::json_long::LongJsonResponse;
use crate::exchange::response::sse::SseResponse;
use crate::exchange::routed::await_response::AwaitResponse;
use crate::exchange::routed::request::Routed;

/// It is moved with every event, so what is large is in a box.
#[derive(Debug, Default)]
pub(crate) enum State {
    /// Nothing has arrived.
    #[default]
    Fresh,
    /// The request is held; its body is being read.
    Intake(Box<Intake>),
    /// Upstreams are asked.
    FanOut(Box<dyn PendingFanOut>),
    /// Another request asks for the same list.
    AwaitList(Box<AwaitList>),
    /// The request went on to its upstream; the answer's head is awaited.
    AwaitResponse(Box<AwaitResponse>),
    /// A JSON answer is held until it is complete.
    JsonResponse(Box<JsonResponse>),
    /// A JSON answer goes by.
    LongJsonResponse(Box<LongJsonResponse>),
    /// An event stream goes by.
    SseResponse(Box<SseResponse>),
    /// An answer is held, to be turned into a JSON-RPC error.
    ErrorResponse(Box<ErrorResponse>),
    /// The answer is there, the end of the request is not.
    Answered(Step),
    /// The gateway answered; whatever the client still sends is dropped.
    Replied,
    /// The rest passes untouched.
    Bypass,
}

impl State {
    /// How many bytes of requests and answers are held.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Intake(it) => it.held(),
            Self::FanOut(it) => it.held(),
            Self::AwaitList(it) => it.held(),
            Self::AwaitResponse(it) => it.going.held(),
            Self::JsonResponse(it) => it.held(),
            Self::LongJsonResponse(it) => it.held(),
            Self::SseResponse(it) => it.held(),
            Self::ErrorResponse(it) => it.held(),
            Self::Answered(step) => step.held(),
            Self::Fresh | Self::Replied | Self::Bypass => 0,
        }
    }

    /// The request that went on, as long as its answer is not decided on.
    pub(crate) fn going(&mut self) -> Option<&mut Routed> {
        match self {
            Self::AwaitResponse(it) => Some(&mut it.going),
            Self::ErrorResponse(it) => it.going(),
            _ => None,
        }
    }

    /// What those have to know who wait for what this one asks for, when it stops.
    pub(crate) fn abandon(&self, cx: &mut Context<'_>) -> Vec<Effect> {
        match self {
            Self::FanOut(it) => it.abandon(cx).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether upstreams are asked, by this exchange or by another one.
    fn is_asking(&self) -> bool {
        matches!(self, Self::FanOut(_) | Self::AwaitList(_))
    }

    /// Whether side calls are under way, and no answer is held.
    pub(crate) fn waits_for_calls(&self) -> bool {
        self.is_asking() && !self.holds_answer()
    }

    /// What becomes of a message that the state has no use for: whatever is being answered stays
    /// back, everything else goes its way.
    pub(crate) fn otherwise(&self, event: &Event<'_>) -> Verdict {
        let held = match event {
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::RequestTrailers
            | Event::OverBudget => {
                self.is_asking() || matches!(self, Self::Answered(_) | Self::Replied)
            }
            Event::ResponseHead { .. } | Event::ResponseBody { .. } | Event::ResponseTrailers => {
                self.holds_answer()
            }
            _ => false,
        };
        if held { Verdict::Hold } else { Verdict::Pass }
    }

    /// Whether an upstream's refusal stays held while the request is made once more. In any other
    /// state an answer is Envoy's own, which gives up on the request.
    pub(crate) fn holds_answer(&self) -> bool {
        matches!(self, Self::FanOut(it) if it.holds_answer())
    }
}
