//! Reads a request while it is held, and finds out when it can go on before it is complete.

use crate::caller::Caller;
use crate::effect::Step;
use crate::era::Era;
use crate::era::client::Client;
use crate::exchange::request::stream::announced::Announced;
use crate::exchange::request::stream::{Begun, LIMIT, RequestStream};
use crate::exchange::request::validator::RequestValidator;
use crate::exchange::routed::owner;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall, Sent};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn};
use crate::json::Stream;
use crate::json::stream::{Skipping, Status};
use crate::mcp::fields::{CLIENT_REQUEST, RequestField};
use crate::mcp::jsonrpc::{Id, Kind};
use crate::mcp::method::{Eras, Owned, Row, Target};

/// Reads a request that is held, for when it can go on.
#[derive(Debug)]
pub(crate) struct EarlyRoute {
    /// Its length, if the client has announced it.
    length: Option<usize>,
    reading: Reading,
}

/// What was read so far.
#[derive(Debug)]
enum Reading {
    /// Most requests are short: there is nothing to read.
    NotBegun,
    Begun(Box<(Stream<RequestField>, RequestValidator)>),
    /// It is to be held whole.
    GivenUp,
}

/// A request that can go on.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) stream: RequestStream,
    pub(crate) call: RoutedCall,
    pub(crate) caller: Caller,
}

impl EarlyRoute {
    pub(crate) const fn new(length: Option<usize>) -> Self {
        Self { length, reading: Reading::NotBegun }
    }

    /// How many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        match &self.reading {
            Reading::Begun(reads) => size_of_val(&**reads) + reads.0.held() + reads.1.held(),
            Reading::NotBegun | Reading::GivenUp => 0,
        }
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
        // Until this one is put back.
        let reading = std::mem::replace(&mut self.reading, Reading::GivenUp);
        let mut reads = match (reading, client.era()) {
            (Reading::GivenUp, _) => return None,
            (_, Era::Stateless) => return self.announced(cx, client, body, buffer / 2),
            (Reading::Begun(reads), Era::Handshake) => reads,
            (Reading::NotBegun, Era::Handshake) => {
                let stream = Stream::new(&CLIENT_REQUEST, LIMIT, Skipping::Strict);
                Box::new((stream, RequestValidator::default()))
            }
        };
        let (stream, seen) = &mut *reads;
        let read = usize::try_from(stream.offset()).unwrap_or(usize::MAX);
        let status = stream.feed(body.get(read..).unwrap_or_default(), seen);
        // Its end may not have been reported.
        let valid = match status {
            Status::Open => seen.may_be_valid(),
            _ => seen.finish() == Ok(Kind::Request),
        };
        let known = seen.row.map(|row| (row, row.target));
        match known {
            None if status == Status::Open && valid => {
                self.reading = Reading::Begun(reads);
                None
            }
            Some((row, Target::Owned(owned)))
                if status != Status::Malformed && valid && !seen.params.is_enveloped() =>
            {
                // A task in `_meta` changes with the name, or behind it.
                if !seen.params.is_named(owned.key) || seen.params.is_in_meta() {
                    self.reading = Reading::Begun(reads);
                    return None;
                }
                self.begin(cx, client, (row, owned), *reads, (body, buffer / 2))
            }
            // Wrong, or of no owner: answered when all of it is there.
            _ => None,
        }
    }

    fn begin(
        &self,
        cx: &mut Context<'_>,
        client: &Client,
        (row, owned): (&'static Row, Owned),
        (stream, seen): (Stream<RequestField>, RequestValidator),
        (body, first): (&[u8], usize),
    ) -> Option<Ready> {
        let caller = client.clone().admit(cx).ok()?;
        let (upstream, own, body) = owner::begin(cx, &caller, (row, owned), &seen.params, body)?;
        let peer = caller.peer(upstream)?;
        // What is translated is held.
        (caller.era() == peer.era()).then_some(())?;
        peer.capabilities.contains(owned.capability).then_some(())?;
        cx.serves(caller.scope(), seen.id().map(|id| id as &Id<'_>));
        let id = seen.id().cloned().unwrap_or_else(Id::unknown);
        let client = client.clone();
        let begun = Begun { client, label: row.label, upstream, body, first };
        let (stream, body, length) = RequestStream::begin((stream, seen), begun, self.length);
        let call = RoutedCall {
            name: owned.key.is_in_head().then_some(own),
            sent: Sent::Begun(length),
            ..RoutedCall::new(row, upstream, id, body)
        };
        Some(Ready { stream, call, caller })
    }

    /// A request of the stateless era, whose head says what it is about.
    fn announced(
        &self,
        cx: &mut Context<'_>,
        client: &Client,
        body: &[u8],
        first: usize,
    ) -> Option<Ready> {
        body.trim_ascii_start().starts_with(b"{").then_some(())?;
        let (row, shown) = client.announces()?;
        let owned = match row.target {
            Target::Owned(owned) if row.eras != Eras::Handshake => owned,
            _ => return None,
        };
        let caller = client.clone().unread(cx);
        let (upstream, own) = owner::of_name(cx, &caller, owned, &shown)?;
        let peer = caller.peer(upstream)?;
        // What is translated is held.
        (peer.era() == Era::Stateless).then_some(())?;
        peer.capabilities.contains(owned.capability).then_some(())?;
        let (client, body) = (client.clone(), body.to_vec());
        let begun = Begun { client, label: row.label, upstream, body, first };
        let announced = Announced::new(owned, caller.scope(), shown.into_owned(), own.clone());
        let (stream, body, length) = RequestStream::announced(cx, announced, begun, self.length)?;
        let id = stream.id().cloned().unwrap_or_else(Id::unknown);
        let call = RoutedCall {
            name: Some(own),
            sent: Sent::Begun(length),
            ..RoutedCall::new(row, upstream, id, body)
        };
        Some(Ready { stream, call, caller })
    }
}

impl Ready {
    /// Sends the request on as far as it has come.
    pub(crate) fn begin(self) -> Turn {
        let Self { stream, call, caller } = self;
        let outbound = Box::new(Outbound { routed: Routed::Call(call), caller });
        (Next::Send(outbound, Some(Box::new(stream))), Step::hold())
    }
}
