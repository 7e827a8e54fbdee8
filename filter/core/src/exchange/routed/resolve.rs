//! Finds the owner of a name that is not remembered: asks for the list that has it, and then
//! sends the request on (`naming.prefix: on_conflict` and `never`).

use crate::caller::Caller;
use crate::catalog::{Page, settle};
use crate::effect::{Effect, Step};
use crate::error::{ClientError, Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::list::List;
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::unavailable::{sort, warnings};
use crate::exchange::request::message::{Incoming, Request};
use crate::exchange::routed::owner::{self, Found};
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Gateway, Naming, Upstream, UpstreamId};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::{Kind, Owned, Row, listing};
use crate::memory::names::{Names, fingerprint};

/// A request that waits for its owner to be known.
#[derive(Debug)]
struct Resolve {
    id: Id<'static>,
    named: Named,
    /// The client's message.
    body: Vec<u8>,
}

/// A method whose requests name something of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) row: &'static Row,
    pub(crate) owned: Owned,
    pub(crate) kind: Kind,
}

/// Begins; the client's request stays held.
pub(crate) fn start(
    cx: &mut Context<'_>,
    mut caller: Caller,
    named: Named,
    request: &Request<'_>,
) -> Turn {
    let id = request.id.clone().into_owned();
    caller.recall(cx);
    let list = List::whole(listing(named.kind), &caller);
    let asked = list.may_have(cx.gateway, &caller);
    let resolve = Resolve { id, named, body: request.body.to_vec() };
    FanOut::new(list, resolve, caller).start(cx, asked)
}

impl Resolve {
    /// The request, now that the lists are there, or why it cannot be made; and what to note.
    fn call(
        &self,
        cx: &mut Context<'_>,
        caller: &Caller,
        pages: &mut [(UpstreamId, Page)],
        failed: &[UpstreamError],
    ) -> (Result<RoutedCall, Error>, Option<Effect>) {
        let mut settled = settle(cx.gateway, self.named.kind, pages);
        let fingerprint = fingerprint(&settled.names);
        // The names that the client was told, if some upstreams were missing then, too.
        let kind = self.named.kind;
        let told = failed.is_empty() || caller.told(kind) == Some(fingerprint);
        if !told && cx.gateway.naming == Naming::Never {
            keep_certain(cx.gateway, &mut settled.names, failed);
        }
        let call = self.find(cx.gateway, caller, &settled.names, failed.first());
        let note = if told { caller.tell(cx, kind, fingerprint) } else { None };
        if told {
            cx.memory.learn(caller.scope(), kind, settled.names);
        }
        (call, note)
    }

    fn find(
        &self,
        gateway: &Gateway,
        caller: &Caller,
        names: &Names,
        failed: Option<&UpstreamError>,
    ) -> Result<RoutedCall, Error> {
        let Ok(Incoming::Request(mut request, _)) = Incoming::read(&self.body) else {
            return Err(Error::Client(ClientError::NotJson));
        };
        let Named { row, owned, .. } = self.named;
        let found = owner::find(gateway, caller, row, owned, &mut request, Some(names));
        let found = found.map_err(|error| caller.refusal(error))?;
        match (found, failed) {
            (Found::Call(call), _) => Ok(call),
            (Found::Unlisted(_), Some(error)) => {
                let fault = Fault::NameUnknown { since: Box::new(error.fault.clone()) };
                Err(Error::Upstream(UpstreamError { fault, ..error.clone() }))
            }
            (Found::Unlisted(name), None) => {
                Err(caller.refusal(owner::unknown(self.named.kind, &name)))
            }
        }
    }
}

/// Leaves out the names that an upstream that did not answer may have come first with.
fn keep_certain(gateway: &Gateway, names: &mut Names, failed: &[UpstreamError]) {
    let failed = |upstream: &Upstream| failed.iter().any(|it| it.upstream == upstream.name);
    let before = |owner| gateway.upstreams.iter().take_while(move |(id, _)| *id < owner);
    names.retain(|_, (owner, _)| !before(*owner).any(|(_, upstream)| failed(upstream)));
}

impl Completion<List> for Resolve {
    fn complete(self, cx: &mut Context<'_>, list: List, ended: Ended<Page>) -> Turn {
        let (mut pages, failed) = sort(ended.parts);
        list.learn_calls(cx, &mut pages);
        let label = self.named.row.label;
        let mut effects = warnings(label, &failed);
        let (call, note) = self.call(cx, &ended.caller, &mut pages, &failed);
        effects.extend(note);
        let (state, step) = match call {
            Ok(call) => Outbound::route(Routed::Call(call), ended.caller),
            Err(error) => reply::now(reply::error(label, Some(&self.id), &error)),
        };
        effects.extend(step.effects);
        (state, Step { verdict: step.verdict, effects })
    }

    fn held(&self) -> usize {
        self.body.capacity()
    }
}
