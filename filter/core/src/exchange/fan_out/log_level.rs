//! Tells every upstream that logs how much of it the client wants (2025-11-25, Logging).

use crate::caller::Caller;
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
}

/// Begins.
pub(crate) fn start(cx: &mut Context<'_>, caller: Caller, request: &Request<'_>) -> Turn {
    let refuse = |error| reply::now(reply::error(LABEL, Some(&request.id), &Error::Client(error)));
    // One without sessions has nothing that a level could be set for.
    let logs = caller.peers().filter(|(_, it)| {
        it.era() == Era::Handshake && it.capabilities.contains(Capabilities::LOGGING)
    });
    let asked: Vec<UpstreamId> = logs.map(|(upstream, _)| upstream).collect();
    if asked.is_empty() {
        return refuse(ClientError::UnknownMethod("logging/setLevel".to_owned()));
    }
    let level = match request.members() {
        Ok(params) => params.and_then(|params| decode(params.find("level")?.get())),
        Err(error) => return refuse(error),
    };
    if level.and_then(|level| Level::of(&level)).is_none() {
        let why = format!("`level` must be one of {}", Level::NAMES.join(", "));
        return refuse(ClientError::Params(why));
    }
    let params = params_of(request.body).map_or(String::new(), |params| params.get().to_owned());
    let id = request.id.clone().into_owned();
    FanOut::new(SetLevel { params }, LogLevel { id }, caller).start(cx, asked)
}

impl Question for SetLevel {
    type Part = ();

    fn subject(&self) -> Subject<'_> {
        Subject::of("logging/setLevel")
    }

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        let params = &self.params;
        format!(
            r#"{{"jsonrpc":"2.0","id":{request},"method":"logging/setLevel","params":{params}}}"#
        )
        .into_bytes()
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
        effects.extend(if failed.len() == asked {
            reply::error(LABEL, Some(&self.id), &Error::AllUpstreams(failed))
        } else {
            reply::result(LABEL, &self.id, b"{}")
        });
        reply::now(effects)
    }
}
