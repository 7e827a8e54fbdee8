//! `logging/setLevel`: tells every upstream that logs from which level on the client wants messages (2025-11-25,
//! Logging). An upstream without sessions is told with every later request, and one that is not open yet when it is
//! opened, so the level is noted for all workers.

use crate::caller::Caller;
use crate::effect::Step;
use crate::era::Era;
use crate::era::upstream::Subject;
use crate::error::{ClientError, Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::request::message::{Request, params_of};
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Upstream, UpstreamId};
use crate::json::decode;
use crate::mcp::capability::Capabilities;
use crate::mcp::jsonrpc::Id;
use crate::mcp::log_level::LogLevel as Level;
use crate::session::notes::Note;

const LABEL: &str = "set_level";

/// A level that is being set.
#[derive(Debug)]
struct SetLevel {
    /// The raw params.
    params: String,
}

/// The client's request for it.
#[derive(Debug)]
struct LogLevel {
    id: Id<'static>,
    /// Whether there are upstreams that are told later.
    is_noted: bool,
}

/// Begins.
pub(crate) fn start(cx: &mut Context<'_>, mut caller: Caller, request: &Request<'_>) -> Turn {
    let refuse = |error| reply::now(reply::error(LABEL, Some(&request.id), &Error::Client(error)));
    caller.recall(cx);
    let logs = |upstream: &UpstreamId| {
        let peer = caller.expected(*upstream);
        peer.is_some_and(|peer| peer.capabilities.contains(Capabilities::LOGGING))
    };
    let has_session = |upstream: &UpstreamId| {
        caller.peer(*upstream).is_some_and(|peer| peer.era() == Era::Handshake)
    };
    let (asked, later): (Vec<_>, Vec<_>) =
        cx.gateway.upstreams.ids().filter(logs).partition(has_session);
    let is_noted = !later.is_empty();
    if asked.is_empty() && !is_noted {
        return refuse(ClientError::UnknownMethod("logging/setLevel".to_owned()));
    }
    let level = match request.members() {
        Ok(params) => params.and_then(|params| decode(params.find("level")?.get())),
        Err(error) => return refuse(error),
    };
    let Some(level) = level.and_then(|level| Level::of(&level)) else {
        let why = format!("`level` must be one of {}", Level::NAMES.join(", "));
        return refuse(ClientError::Params(why));
    };
    let params = params_of(request.body).map_or(String::new(), |params| params.get().to_owned());
    let id = request.id.clone().into_owned();
    let note = if is_noted { caller.note(cx, Note::LogLevel(level)) } else { None };
    let (next, Step { verdict, mut effects }) =
        FanOut::new(SetLevel { params }, LogLevel { id, is_noted }, caller).start(cx, asked);
    effects.splice(..0, note);
    (next, Step { verdict, effects })
}

/// The request for a level to one upstream.
pub(super) fn set(request: u64, level: &str) -> Vec<u8> {
    message(request, &format!(r#"{{"level":"{level}"}}"#))
}

fn message(request: u64, params: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"logging/setLevel","params":{params}}}"#)
        .into_bytes()
}

impl Question for SetLevel {
    type Part = ();

    fn subject(&self) -> Subject<'_> {
        Subject::of("logging/setLevel")
    }

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        message(request, &self.params)
    }

    fn opens(&self) -> bool {
        true
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<(), UpstreamError> {
        answer.result(|scan| scan.value().map(|_| Ok(())))
    }

    fn held(&self) -> usize {
        self.params.capacity()
    }
}

impl Completion<SetLevel> for LogLevel {
    fn complete(self, _: &mut Context<'_>, _: SetLevel, ended: Ended<()>) -> Turn {
        let asked = ended.parts.len();
        let failed: Vec<_> = ended.parts.into_iter().filter_map(|(_, part)| part.err()).collect();
        let mut effects = warnings(LABEL, &failed);
        effects.extend(if failed.len() == asked && !self.is_noted {
            reply::error(LABEL, Some(&self.id), &Error::AllUpstreams(failed))
        } else {
            reply::result(LABEL, &self.id, b"{}")
        });
        reply::now(effects)
    }
}
