//! Reads a request while it is held, and finds out when it can go on before it is complete.

use crate::caller::Caller;
use crate::effect::Step;
use crate::era::client::handshake::Client;
use crate::exchange::request::stream::{Begin, LIMIT, RequestStream};
use crate::exchange::request::validator::{REQUEST, RequestValidator, Tag};
use crate::exchange::routed::owner;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall, Sent};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn};
use crate::json::Stream;
use crate::json::stream::State as Walked;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Target;

/// Reads a request that is held, for when it can go on.
#[derive(Debug)]
pub(crate) struct EarlyRoute {
    /// Its length, if the client has announced it.
    length: Option<usize>,
    /// `None` once it is to be held whole.
    reads: Option<(Stream<Tag>, RequestValidator)>,
}

/// A request that can go on.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) pour: RequestStream,
    pub(crate) call: RoutedCall,
    pub(crate) caller: Caller,
}

impl EarlyRoute {
    pub(crate) fn new(length: Option<usize>) -> Self {
        Self { length, reads: Some((Stream::new(&REQUEST, LIMIT), RequestValidator::default())) }
    }

    /// How many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        self.reads.as_ref().map_or(0, |(stream, seen)| stream.held() + seen.held())
    }

    /// The request, if it can go on as far as it has come: `body` is all of it that was held.
    pub(crate) fn look(
        &mut self,
        cx: &mut Context<'_>,
        client: &Client,
        body: &[u8],
    ) -> Option<Ready> {
        // A shorter one is held whole: the host takes it back.
        let buffer = cx.host.abilities().request_buffer;
        if body.len().max(self.length.unwrap_or(0)) <= buffer {
            return None;
        }
        let (stream, seen) = self.reads.as_mut()?;
        let read = usize::try_from(stream.offset()).unwrap_or(usize::MAX);
        let state = stream.feed(body.get(read..).unwrap_or_default(), seen);
        let fault = seen.fault().or_else(|| seen.incomplete().filter(|_| state != Walked::Open));
        let known = seen.row.map(|row| (row, row.key().map(|key| seen.named(key))));
        match (state, known) {
            (Walked::Open, None | Some((_, Some(None)))) if fault.is_none() => None,
            // Its end may not have been told.
            (Walked::Open | Walked::Ended(_), Some((row, Some(Some((params, named))))))
                if fault.is_none() =>
            {
                let Target::Owned(owned) = row.target else { return None };
                let (_, seen) = self.reads.take()?;
                let caller = client.clone().admit(cx).ok()?;
                let (upstream, own) = owner::known(cx, &caller, row, owned, &params)?;
                let peer = caller.peer(upstream)?;
                peer.capabilities.contains(owned.capability).then_some(())?;
                let name = (named, own);
                let begin = Begin { label: row.label, name, upstream, body, first: buffer / 2 };
                let (pour, body, length) = RequestStream::begin(cx.gateway, begin, self.length);
                let call = RoutedCall {
                    label: row.label,
                    id: seen.id.unwrap_or_else(Id::unknown),
                    upstream,
                    shape: owned.shape,
                    needs: owned.capability,
                    body,
                    sent: Sent::Begun(length),
                };
                Some(Ready { pour, call, caller })
            }
            // Wrong, or of no owner: answered when all of it is there.
            _ => {
                self.reads = None;
                None
            }
        }
    }
}

impl Ready {
    /// Sends the request on as far as it has come.
    pub(crate) fn begin(self) -> Turn {
        let Self { pour, call, caller } = self;
        let outbound = Box::new(Outbound { going: Routed::Call(call), caller });
        (Next::Send(outbound, Some(Box::new(pour))), Step::hold())
    }
}
