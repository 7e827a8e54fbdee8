//! Makes one stream of those of several upstreams, in a host that streams: for a GET or `subscriptions/listen`, when
//! all are listened to (`listen`).
//!
//! ```text
//!   upstream a ──GET──▶ Part ──┐
//!   upstream b ──GET──▶ Part ──┼─▶ ClientSide ──▶ whole events, each with where every upstream is
//!   upstream c ──GET──▶ Part ──┘
//! ```
//!
//! - The events of each upstream keep their order, and go out whole.
//! - The client's stream ends with its session or with the configuration, and for nothing that an upstream does. An upstream whose stream
//!   ends is asked for it again, from its last event on, after a time that doubles. If messages may have been
//!   lost, its lists count as changed.
//! - An upstream that is opened when it is needed first (`session.open: lazy`) is not opened for the stream. It is listened
//!   to as soon as another request has opened it: it has nothing to say to this client before.
//! - Nothing is held but the event of each upstream that is not complete. While the client is slow, nobody is
//!   listened to.
//!
//! One upstream is a [`part`]. What the parts share is the [`client`].

mod asked;
mod client;
mod events;
pub(crate) mod open;
mod part;
mod refusal;
mod subscribe;
mod subscription;
pub(in crate::exchange) mod wait;
mod wanted;

use crate::caller::Caller;
use crate::effect::{Effect, Outcome, ReplyHead, Step};
use crate::event::Event;
use crate::exchange::request::message::Request;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::mcp::method::{self, Row};
use crate::mcp::positions::Positions;
use crate::memory::questions::Inbox;

use client::ClientSide;
use part::Part;
use subscription::Subscription;
use wanted::Wanted;

/// A merged stream.
#[derive(Debug)]
pub(crate) struct Merged {
    parts: Vec<Part>,
    client: ClientSide,
    /// Where it comes that an upstream was opened which was not yet.
    openings: Option<Inbox>,
}

/// Opens the stream of a GET: at once for the client, and from where it was at each upstream.
pub(crate) fn start(cx: &mut Context<'_>, mut caller: Caller, last_event: Option<&[u8]>) -> Turn {
    caller.recall(cx);
    let positions = last_event.and_then(|id| Positions::read(cx.gateway, id));
    let mut positions = positions.unwrap_or_default();
    positions.retain(|upstream| caller.digest(upstream));
    let wanted = (caller, Wanted::Everything);
    open(cx, ClientSide::new(method::GET, wanted, positions, cx.host.now()), None)
}

/// Opens the stream of a `subscriptions/listen`, with an acknowledgement as its first event.
pub(crate) fn subscribe(
    cx: &mut Context<'_>,
    caller: Caller,
    row: &'static Row,
    request: &Request<'_>,
) -> Turn {
    let subscription = match Subscription::read(cx.gateway, &caller, request) {
        Ok(subscription) => subscription,
        Err(error) => {
            let error = caller.refusal(error);
            return reply::now(reply::error(row.label, Some(&request.id), &error));
        }
    };
    let first = subscription.acknowledgement(cx.gateway, &caller);
    let wanted = (caller, Wanted::Subscribed(Box::new(subscription)));
    let client = ClientSide::new(row.label, wanted, Positions::default(), cx.host.now());
    open(cx, client, Some(&first))
}

fn open(cx: &mut Context<'_>, mut client: ClientSide, first: Option<&[u8]>) -> Turn {
    let headers = vec![
        ("content-type", b"text/event-stream".to_vec()),
        ("cache-control", b"no-cache".to_vec()),
    ];
    client.effects.push(reply::count(client.label, Outcome::Ok));
    client.effects.push(Effect::ReplyHead(ReplyHead { status: 200, headers }));
    if let Some(first) = first {
        client.send(cx.gateway, b"", first);
    }
    // Before the first look at what is open.
    let openings = client.caller.hears_openings(cx);
    client.effects.extend(openings.clone().map(Effect::Await));
    let parts = cx.gateway.upstreams.ids().map(|upstream| Part::new(&client, upstream));
    let mut merged = Box::new(Merged { parts: parts.collect(), client, openings });
    merged.each(|part, client| part.begin(cx, client));
    merged.turn(cx)
}

impl Merged {
    /// Takes an event of one of its calls, of its timer, or of its client.
    pub(crate) fn handle(mut self: Box<Self>, cx: &mut Context<'_>, event: Event<'_>) -> Turn {
        match event {
            Event::CallHead { call, .. }
            | Event::CallBody { call, .. }
            | Event::CallFailed { call, .. } => {
                let part = self.parts.iter_mut().find(|part| part.calls().any(|it| it == call));
                if let Some(part) = part {
                    part.handle(cx, &mut self.client, event);
                }
            }
            Event::Woken => {
                self.client.is_over |= self.client.caller.is_over(cx);
                self.client.woken(cx.host.now());
                self.each(|part, client| part.tick(cx, client));
            }
            Event::Answered if self.openings.is_some() => {
                self.each(|part, client| part.tick(cx, client));
            }
            Event::Drain => self.client.is_over = true,
            Event::Backlog(true) => {
                self.client.is_slow = true;
                self.each(Part::pause);
            }
            Event::Backlog(false) => {
                self.client.is_slow = false;
                self.each(|part, client| part.resume(cx, client));
            }
            _ => {}
        }
        self.turn(cx)
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.parts.iter().map(Part::held).sum::<usize>() + self.client.held()
    }

    /// Breaks all calls off: the client is gone.
    pub(crate) fn cancel(&self) -> Vec<Effect> {
        self.parts.iter().flat_map(Part::calls).map(Effect::CancelCall).collect()
    }

    fn each(&mut self, mut tell: impl FnMut(&mut Part, &mut ClientSide)) {
        for part in &mut self.parts {
            tell(part, &mut self.client);
        }
    }

    fn turn(mut self: Box<Self>, cx: &Context<'_>) -> Turn {
        if self.client.is_over {
            self.client.conclude(cx.gateway);
        }
        let now = cx.host.now();
        let next = self.parts.iter().filter_map(|part| part.waits(now)).min();
        let mut effects = self.client.flush(cx, next);
        if self.client.is_over {
            effects.extend(self.cancel());
            effects.push(Effect::ReplyEnd);
            return (Next::Replied, Step::hold_with(effects));
        }
        (Next::Merged(self), Step::hold_with(effects))
    }
}
