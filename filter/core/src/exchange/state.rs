//! What an exchange can be in.

use super::Cx;
use super::amend::Amend;
use super::await_list::Await;
use super::broadcast::Broadcast;
use super::fan_out::FanOut;
use super::flow::Flow;
use super::forward::Forward;
use super::gather::Gather;
use super::going::Going;
use super::initialize::Initialize;
use super::intake::Intake;
use super::join::Join;
use super::list::List;
use super::log_level::LogLevel;
use super::relay::Relay;
use super::resolve::Resolve;
use super::retry::Retry;
use crate::effect::{Effect, Step, Verdict};
use crate::event::Event;

/// It is moved with every event, so what is large is in a box.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Nothing has arrived.
    #[default]
    Fresh,
    /// The request is held; its body is being read.
    Intake(Box<Intake>),
    /// Side calls of `initialize` are under way.
    Initialize(Box<FanOut<Initialize>>),
    /// Side calls of a list are under way.
    List(Box<FanOut<List>>),
    /// Another request asks for the same list.
    Await(Box<Await>),
    /// Side calls of a notification or of the session's end are under way.
    Broadcast(Box<FanOut<Broadcast>>),
    /// Side calls that set the log level are under way.
    LogLevel(Box<FanOut<LogLevel>>),
    /// The owner of a name is looked for.
    Resolve(Box<FanOut<Resolve>>),
    /// The upstream of a request is being initialized first.
    Join(Box<FanOut<Join>>),
    /// A call is made once more, its upstream being initialized again first.
    Retry(Box<FanOut<Retry>>),
    /// The request went on to its upstream; the answer's head is awaited.
    Forward(Box<Forward>),
    /// A JSON answer is held until it is complete.
    Amend(Box<Amend>),
    /// A JSON answer goes by.
    Flow(Box<Flow>),
    /// An event stream goes by.
    Relay(Box<Relay>),
    /// An answer is held, to be turned into a JSON-RPC error.
    Gather(Box<Gather>),
    /// The answer is there, the end of the request is not.
    Answered(Step),
    /// The gateway answered; whatever the client still sends is dropped.
    Replied,
    /// The rest passes untouched.
    Bypass,
}

impl State {
    /// How many bytes of requests and answers are held.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Intake(it) => it.held(),
            Self::Initialize(it) => it.held(),
            Self::List(it) => it.held(),
            Self::Await(it) => it.held(),
            Self::Broadcast(it) => it.held(),
            Self::LogLevel(it) => it.held(),
            Self::Resolve(it) => it.held(),
            Self::Join(it) => it.held(),
            Self::Retry(it) => it.held(),
            Self::Forward(it) => it.going.held(),
            Self::Amend(it) => it.held(),
            Self::Flow(it) => it.held(),
            Self::Relay(it) => it.held(),
            Self::Gather(it) => it.held(),
            Self::Answered(step) => step.held(),
            Self::Fresh | Self::Replied | Self::Bypass => 0,
        }
    }

    /// The request that went on, as long as its answer is not decided on.
    pub(super) fn going(&mut self) -> Option<&mut Going> {
        match self {
            Self::Forward(it) => Some(&mut it.going),
            Self::Gather(it) => it.going(),
            _ => None,
        }
    }

    /// What those have to know who wait for what this one asks for, when it stops.
    pub(super) fn abandon(&self, cx: &mut Cx<'_>) -> Vec<Effect> {
        match self {
            Self::List(it) => it.job().abandon(cx).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the request is held while upstreams are asked.
    fn is_asking(&self) -> bool {
        matches!(
            self,
            Self::Initialize(_)
                | Self::List(_)
                | Self::Await(_)
                | Self::LogLevel(_)
                | Self::Broadcast(_)
                | Self::Resolve(_)
                | Self::Join(_)
        )
    }

    /// Whether side calls are under way, and no answer is held.
    pub(super) fn waits_for_calls(&self) -> bool {
        self.is_asking() && !self.holds_answer()
    }

    /// What becomes of a message that the state has no use for: whatever is being answered stays
    /// back, everything else goes its way.
    pub(super) fn otherwise(&self, event: &Event<'_>) -> Verdict {
        let held = match event {
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::RequestTrailers
            | Event::NoRoom => {
                let answers = matches!(self, Self::Retry(_) | Self::Answered(_) | Self::Replied);
                self.is_asking() || answers
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
    pub(super) fn holds_answer(&self) -> bool {
        match self {
            Self::Retry(_) => true,
            Self::Join(it) => it.job().is_late(),
            _ => false,
        }
    }
}
