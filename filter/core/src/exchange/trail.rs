//! What is noted of a request while it is operation, so that the operator can be told what became of it.
//!
//! Every exchange of the endpoint tells that once: when the client has its answer, or when it is over without one.

use std::sync::Arc;

use crate::caller::Caller;
use crate::effect::{Effect, Ending, Operation, Outcome};
use crate::event::Event;
use crate::exchange::Context;
use crate::gateway::UpstreamId;
use crate::mcp::method::{self, Kind, NamedBy, Row, Target};
use crate::session::ScopeTag;

/// How much is kept of a name, in characters.
const LONGEST: usize = 200;

/// What is known of a request so far; nothing of one that is not for the endpoint. It moves with every event, so it is
/// kept apart.
#[derive(Debug, Default)]
pub(crate) struct Trail(Option<Box<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// When its head came, in microseconds of the host's clock; `None` if it is not for the endpoint.
    began: Option<u64>,
    /// When it was sent on.
    sent: Option<u64>,
    /// The label of its method.
    method: Option<&'static str>,
    upstream: Option<UpstreamId>,
    name: Option<Arc<str>>,
    is_tool: bool,
    /// Who has sent it, if the gateway asks for that.
    caller: Option<Arc<str>>,
    era: &'static str,
    session: Option<ScopeTag>,
    /// How an upstream's answer ends, once that is known.
    ending: Option<Ending>,
    request_bytes: u64,
    response_bytes: u64,
    /// Whether the operator was told.
    is_told: bool,
}

impl Trail {
    fn noted(&mut self) -> &mut Noted {
        self.0.get_or_insert_default()
    }

    /// A request for the endpoint begins.
    pub(crate) fn begin(&mut self, clock: u64) {
        self.noted().began = Some(clock);
    }

    /// Who has sent it, as Envoy says ([`Principal::shown`](crate::principal::Principal::shown)).
    pub(crate) fn is_sent_by(&mut self, caller: Option<&Arc<str>>) {
        if let Some(caller) = caller {
            self.noted().caller = Some(Arc::clone(caller));
        }
    }

    /// How it speaks, and in which session.
    pub(crate) fn is_of(&mut self, caller: &Caller) {
        let noted = self.noted();
        (noted.era, noted.session) = (caller.era().as_str(), caller.session());
    }

    /// What it asks for.
    pub(crate) fn asks_for(&mut self, row: &'static Row) {
        let noted = self.noted();
        noted.method = Some(row.label);
        if let Target::Owned(owned) = row.target {
            noted.is_tool = owned.key == NamedBy::Name(Kind::Tool);
        }
    }

    /// It is sent on to the upstream that owns what it is about.
    pub(crate) fn goes_to(&mut self, clock: u64, upstream: UpstreamId, name: Option<&Arc<str>>) {
        let noted = self.noted();
        (noted.sent, noted.upstream) = (Some(clock), Some(upstream));
        if let Some(name) = name {
            noted.name = Some(plain(name));
        }
    }

    /// How the upstream's answer ends.
    pub(crate) fn ends(&mut self, ending: Ending) {
        self.noted().ending = Some(ending);
    }

    /// Counts the bytes that an event brings.
    pub(super) fn measure(&mut self, event: &Event<'_>) {
        match (event, &mut self.0) {
            (Event::RequestBody { chunk, .. }, Some(noted)) => {
                noted.request_bytes += chunk.len() as u64;
            }
            (Event::ResponseBody { chunk, .. }, Some(noted)) => {
                noted.response_bytes += chunk.len() as u64;
            }
            _ => {}
        }
    }
}

/// A name for a line of a log: its first [`LONGEST`] characters, with `?` for those that could break the line.
pub(crate) fn plain(name: &Arc<str>) -> Arc<str> {
    // Nearly all are so already.
    if name.len() <= LONGEST && name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return name.clone();
    }
    let plain = |it: char| if it.is_control() { '?' } else { it };
    name.chars().take(LONGEST).map(plain).collect::<String>().into()
}

/// Completes what is told of the request, if one of these effects tells it.
pub(super) fn complete(cx: &mut Context<'_>, effects: &mut [Effect]) {
    let tells = |effect: &Effect| matches!(effect, Effect::Operation(_));
    if let Some(at) = effects.iter().position(tells) {
        let replied = effects.iter().find_map(|effect| match effect {
            Effect::Reply(reply) => Some(reply.body.len() as u64),
            Effect::LongReply(_, body) => Some(body.len() as u64),
            _ => None,
        });
        if let Some(Effect::Operation(operation)) = effects.get_mut(at) {
            tell(cx, operation, replied);
        }
    }
    for effect in effects.iter() {
        cx.memory.seen.note(effect, || cx.clock());
    }
}

/// Adds what was noted; `replied` is how long the body of the gateway's own answer is.
fn tell(cx: &mut Context<'_>, operation: &mut Operation, replied: Option<u64>) {
    let clock = cx.clock();
    let trail = cx.trail.noted();
    trail.is_told = true;
    if operation.outcome == Outcome::Ok && operation.ending == Ending::Ok {
        operation.ending = trail.ending.unwrap_or_default();
    }
    operation.upstream = trail.upstream;
    operation.name = trail.name.take();
    operation.is_tool = trail.is_tool;
    if let (true, Some(upstream), Some(name)) =
        (cx.gateway.measures_tools && trail.is_tool, operation.upstream, &operation.name)
    {
        let is_listed = cx.memory.seen.with(upstream, |seen| seen.has_tool(name));
        operation.is_measured = is_listed == Some(true);
    }
    operation.caller = trail.caller.take();
    operation.era = trail.era;
    operation.session = trail.session;
    operation.took = clock.saturating_sub(trail.began.unwrap_or(clock));
    operation.upstream_took = trail.sent.map(|sent| clock.saturating_sub(sent));
    operation.request_bytes = trail.request_bytes;
    operation.response_bytes = replied.unwrap_or(trail.response_bytes);
}

/// What is told of a request that is over, if it was never answered.
pub(super) fn unanswered(cx: &mut Context<'_>) -> Option<Effect> {
    let noted = cx.trail.0.as_ref()?;
    let is_open = noted.began.is_some() && !noted.is_told;
    let method = noted.method.unwrap_or(method::OTHER);
    let operation = Operation::new(method, Outcome::Cancelled, Ending::Cancelled);
    is_open.then_some(Effect::Operation(operation))
}
