//! Reads a request while it is held, and finds out when it can go on before it is complete.

use super::admission::Admitted;
use super::client::Client;
use super::forward;
use super::going::{Call, Going, Sent};
use super::pour::{Begin, LIMIT, Pour};
use super::upstream_request::ClientHeaders;
use super::watch::{REQUEST, Seen, Tag};
use super::{Cx, State, Turn, owner};
use crate::jsonrpc::Id;
use crate::jsonrpc::walk::{State as Walked, Walker};
use crate::route::Target;

/// A request over so many bytes is not held whole, if that can be helped: it would have to fit into
/// Envoy's buffer to go on.
const LARGE: usize = 32 * 1024;

/// Reads a request that is held, for when it can go on.
#[derive(Debug)]
pub(super) struct Scout {
    /// Its length, if the client has announced it.
    length: Option<usize>,
    /// `None` once it is to be held whole.
    reads: Option<(Walker<Tag>, Seen)>,
}

/// A request that can go on.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) pour: Pour,
    pub(super) call: Call,
    pub(super) session: Admitted,
}

impl Scout {
    pub(super) fn new(length: Option<usize>) -> Self {
        Self { length, reads: Some((Walker::new(&REQUEST, LIMIT), Seen::default())) }
    }

    /// How many bytes of memory it takes.
    pub(super) fn held(&self) -> usize {
        self.reads.as_ref().map_or(0, |(walker, seen)| walker.held() + seen.held())
    }

    /// The request, if it can go on as far as it has come: `body` is all of it that was held.
    pub(super) fn look(&mut self, cx: &mut Cx<'_>, client: &Client, body: &[u8]) -> Option<Ready> {
        if body.len().max(self.length.unwrap_or(0)) <= LARGE {
            return None;
        }
        let (walker, seen) = self.reads.as_mut()?;
        let read = usize::try_from(walker.offset()).unwrap_or(usize::MAX);
        let state = walker.feed(body.get(read..).unwrap_or_default(), seen);
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
                let session = client.admit(cx).ok()?;
                let (upstream, own) = owner::known(cx, &session, row, owned, &params)?;
                let member = session.member(upstream)?;
                member.capabilities.contains(owned.capability).then_some(())?;
                let begin = Begin { label: row.label, name: (named, own), upstream, body };
                let (pour, body, length) = Pour::begin(cx.gateway, begin, self.length);
                let call = Call {
                    label: row.label,
                    id: seen.id.unwrap_or_else(Id::unknown),
                    upstream,
                    shape: owned.shape,
                    needs: owned.capability,
                    body,
                    sent: Sent::Begun(length),
                };
                Some(Ready { pour, call, session })
            }
            // Wrong, or of no owner: answered when all of it is there.
            _ => {
                self.reads = None;
                None
            }
        }
    }
}

/// Sends a large request on as far as it has come.
pub(super) fn begin(cx: &Cx<'_>, ready: Ready, client: ClientHeaders) -> Turn {
    let Ready { pour, call, session } = ready;
    let (mut state, step) = forward::send(cx, Going::Call(call), client, session);
    if let State::Forward(forward) = &mut state {
        forward.pour = Some(Box::new(pour));
    }
    (state, step)
}
