//! What an exchange can be in: a state of each of its three machines, and what a step leads to.
//!
//! Which state may follow which is the table in [`crate::exchange::transitions`].

use crate::effect::Step;
use crate::exchange::fan_out::PendingFanOut;
use crate::exchange::fan_out::list_subscription::AwaitList;
use crate::exchange::merged::Merged;
use crate::exchange::merged::open::Opened;
use crate::exchange::relay::Relay;
use crate::exchange::request::intake::Intake;
use crate::exchange::request::stream::RequestStream;
use crate::exchange::response::error::ErrorResponse;
use crate::exchange::response::json::JsonResponse;
use crate::exchange::response::sse::SseResponse;
use crate::exchange::routed::request::{Outbound, Routed};
use crate::exchange::{Context, Turn};

/// The client's request. Every state is moved with its events, so what is large is in a box.
#[derive(Debug, Default)]
pub(crate) enum RequestState {
    /// Nothing has arrived.
    #[default]
    Fresh,
    /// The request is held; its body is being read.
    Intake(Box<Intake>),
    /// The request is complete, and held while upstreams are asked.
    Held,
    /// A large request goes on to its upstream as it comes.
    Streaming(Box<RequestStream>),
    /// All of the request went on to its upstream.
    Sent,
    /// The gateway's answer is there, the end of the request is not.
    Answered(Step),
    /// It is answered, by the gateway or by the proxy; whatever the client still sends is dropped.
    Dropped,
    /// The rest passes untouched.
    Bypass,
}

/// The response to a request that went on to its upstream.
#[derive(Debug, Default)]
pub(crate) enum ResponseState {
    /// The request did not go on yet.
    #[default]
    Idle,
    /// The head is awaited.
    Awaited(Box<Outbound>),
    /// A JSON response is held until it is complete, or streams through.
    Json(Box<JsonResponse>),
    /// An event stream streams through.
    Sse(Box<SseResponse>),
    /// A response is held, to be turned into a JSON-RPC error.
    Error(Box<ErrorResponse>),
    /// An upstream's refusal is held while its part of the session is opened again.
    Held,
    /// The gateway has answered, or the rest passes untouched.
    Bypass,
}

/// What upstreams are asked by side calls.
#[derive(Debug, Default)]
pub(crate) enum FanOutState {
    /// Nothing.
    #[default]
    Idle,
    /// Side calls are under way.
    Asking(Box<dyn PendingFanOut>),
    /// Another exchange asks for the same list.
    AwaitList(Box<AwaitList>),
    /// Their streams become one.
    Merged(Box<Merged>),
    /// A call that may need input of its client.
    Relay(Box<Relay>),
}

/// What is next, as a state hands it to the exchange.
#[derive(Debug)]
pub(crate) enum Next {
    /// The request is on another path: it passes untouched.
    OtherPath,
    /// More of the request's body is needed.
    Intake(Box<Intake>),
    /// Upstreams are being asked.
    FanOut(Box<dyn PendingFanOut>),
    /// Another exchange asks for the same list.
    AwaitList(Box<AwaitList>),
    /// An upstream's part of the session is open or not, as a merged stream has asked; it reads this itself.
    Opened(Box<Opened>),
    /// The client is answered with a stream that is made of those of several upstreams.
    Merged(Box<Merged>),
    /// The call is made beside the client's request, so that its upstream can ask for input.
    Relay(Box<Relay>),
    /// The request goes to its upstream, which is initialized first if it has no part in the session.
    Route(Box<Outbound>),
    /// The request goes to its upstream; what is still to come of a large one follows as it comes.
    Send(Box<Outbound>, Option<Box<RequestStream>>),
    /// The request went on.
    AwaitResponse(Box<Outbound>),
    /// The response is held until it is complete, or streams through if it is long.
    JsonResponse(Box<JsonResponse>),
    /// The response streams through, event by event.
    SseResponse(Box<SseResponse>),
    /// The response becomes a JSON-RPC error.
    ErrorResponse(Box<ErrorResponse>),
    /// The rest of the response passes untouched.
    Bypass,
    /// The gateway answers.
    Replied,
}

impl Next {
    /// Hands the next bytes to the response that is next.
    pub(crate) fn response_body(self, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        match self {
            Self::SseResponse(it) => it.body(cx, chunk, end),
            Self::JsonResponse(it) => it.body(cx, chunk, end),
            other => (other, Step::pass()),
        }
    }
}

impl RequestState {
    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Intake(it) => it.held(),
            Self::Streaming(it) => it.held(),
            Self::Answered(step) => step.held(),
            Self::Fresh | Self::Held | Self::Sent | Self::Dropped | Self::Bypass => 0,
        }
    }

    /// Its name in the table of transitions.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fresh => "Fresh",
            Self::Intake(_) => "Intake",
            Self::Held => "Held",
            Self::Streaming(_) => "Streaming",
            Self::Sent => "Sent",
            Self::Answered(_) => "Answered",
            Self::Dropped => "Dropped",
            Self::Bypass => "Bypass",
        }
    }
}

impl ResponseState {
    /// How many bytes are held: of the response, and of a request that may have to be sent again.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Awaited(it) => it.routed.held(),
            Self::Json(it) => it.held(),
            Self::Sse(it) => it.held(),
            Self::Error(it) => it.held(),
            Self::Idle | Self::Held | Self::Bypass => 0,
        }
    }

    /// The request that went on, as long as its response is not decided on.
    pub(crate) fn routed(&mut self) -> Option<&mut Routed> {
        match self {
            Self::Awaited(it) => Some(&mut it.routed),
            Self::Error(it) => it.routed(),
            _ => None,
        }
    }

    /// Its name in the table of transitions.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Awaited(_) => "Awaited",
            Self::Json(_) => "Json",
            Self::Sse(_) => "Sse",
            Self::Error(_) => "Error",
            Self::Held => "Held",
            Self::Bypass => "Bypass",
        }
    }
}

impl FanOutState {
    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Asking(it) => it.held(),
            Self::AwaitList(it) => it.held(),
            Self::Merged(it) => it.held(),
            Self::Relay(it) => it.held(),
        }
    }

    /// Its name in the table of transitions.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Asking(_) => "Asking",
            Self::AwaitList(_) => "AwaitList",
            Self::Merged(_) => "Merged",
            Self::Relay(_) => "Relay",
        }
    }
}
