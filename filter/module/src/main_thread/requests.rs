//! What the main thread has, and what it makes of what happens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_mux_bridge::{Asker, Bounds, Bridge, Effect, PASSED, Request, StreamId};
use mcp_mux_core::Headers;
use mcp_mux_core::effect::Callout;
use mcp_mux_driver::Level;

use super::TOO_MUCH;
use crate::calls::Got;
use crate::mailbox::{Full, Line};
use crate::{plugin, shared};

/// What the main thread has.
pub(super) struct Main {
    pub(super) bridge: Bridge,
    /// Who is told what comes of a request.
    pub(super) askers: BTreeMap<Asker, Arc<Line>>,
    /// By Envoy's id, and the other way round.
    pub(super) streams: BTreeMap<u64, Stream>,
    pub(super) ids: BTreeMap<Stream, u64>,
    /// Whether unused sessions will be looked for.
    pub(super) is_tidying: bool,
    /// Whether the configuration ends.
    pub(super) is_over: bool,
}

/// What a request in Envoy is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    /// One of the bridge.
    Bridged(StreamId),
    /// A call.
    Call(Asker),
}

/// Something that happens.
pub(super) enum Event {
    /// A request to the bridge.
    Ask(Asker, Request, Option<Arc<Line>>),
    /// A call.
    Call(Asker, Callout, Arc<Line>),
    Gone(Asker),
    Came(u64, Got<'static>),
    NotSent(Stream),
    Tidy,
}

/// Something to do.
pub(super) enum Act {
    Bridge(Effect),
    Send(Asker, Callout),
    Close(Stream),
}

impl Main {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bridge: Bridge::new(bounds),
            askers: BTreeMap::new(),
            streams: BTreeMap::new(),
            ids: BTreeMap::new(),
            is_tidying: false,
            is_over: false,
        }
    }

    /// Takes an event; what is to be done then.
    pub(super) fn told(&mut self, event: Event) -> Vec<Act> {
        let effects = match event {
            Event::Ask(asker, request, line) => {
                if let Some(line) = line {
                    self.askers.insert(asker, line);
                }
                self.bridge.ask(asker, request, shared::now(), &mut shared::random)
            }
            Event::Call(asker, callout, line) => {
                self.askers.insert(asker, line);
                return vec![Act::Send(asker, callout)];
            }
            Event::Gone(asker) => {
                self.askers.remove(&asker);
                if self.ids.contains_key(&Stream::Call(asker)) {
                    return vec![Act::Close(Stream::Call(asker))];
                }
                self.bridge.gone(asker)
            }
            Event::Came(id, got) => match self.streams.get(&id).copied() {
                Some(Stream::Bridged(stream)) => self.came_of_bridged(stream, got),
                Some(Stream::Call(asker)) => return self.came_of_call(asker, got),
                None => Vec::new(),
            },
            Event::NotSent(Stream::Bridged(stream)) => self.bridge.end(stream, false),
            Event::NotSent(Stream::Call(asker)) => return self.came_of_call(asker, Got::NotSent),
            Event::Tidy => {
                self.is_tidying = false;
                self.bridge.tidy(shared::now())
            }
        };
        effects.into_iter().map(Act::Bridge).collect()
    }

    fn came_of_bridged(&mut self, stream: StreamId, got: Got<'_>) -> Vec<Effect> {
        let (mut effects, is_end) = match got {
            Got::Head(headers, end) => {
                let pairs: Vec<_> =
                    headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                let headers = Headers(&pairs);
                let kind = headers.first("content-type");
                let passed: Vec<_> =
                    PASSED.iter().filter_map(|name| Some((*name, headers.first(name)?))).collect();
                (self.bridge.head(stream, headers.status(), kind, &passed), end)
            }
            Got::Body(chunks, end) => {
                let data = |chunk: &Cow<'_, [u8]>| self.bridge.data(stream, chunk);
                (chunks.iter().flat_map(data).collect(), end)
            }
            Got::End => (Vec::new(), true),
            Got::Lost | Got::NotSent => {
                self.forget(Stream::Bridged(stream));
                return self.bridge.end(stream, false);
            }
        };
        if is_end {
            self.forget(Stream::Bridged(stream));
            effects.extend(self.bridge.end(stream, true));
        }
        effects
    }

    fn came_of_call(&mut self, asker: Asker, got: Got<'static>) -> Vec<Act> {
        let is_last = matches!(
            got,
            Got::Head(_, true) | Got::Body(_, true) | Got::End | Got::Lost | Got::NotSent
        );
        let told = self.askers.get(&asker).map(|line| line.put(got));
        if let Some(Err(Full)) = told {
            plugin::log(Level::Warn, TOO_MUCH);
            self.askers.remove(&asker);
            return vec![Act::Close(Stream::Call(asker))];
        }
        if is_last {
            self.askers.remove(&asker);
            self.forget(Stream::Call(asker));
        }
        Vec::new()
    }

    /// A request has ended, or is about to: what Envoy knows it by.
    pub(super) fn forget(&mut self, stream: Stream) -> Option<u64> {
        let id = self.ids.remove(&stream)?;
        self.streams.remove(&id);
        Some(id)
    }
}
