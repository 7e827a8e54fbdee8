//! The events of one upstream's stream, on their way into the merged one: whole, in their order, and in the words
//! that the client knows.

use std::collections::BTreeSet;

use crate::effect::{CallId, Effect};
use crate::era::Era;
use crate::exchange::Context;
use crate::exchange::fan_out::list_subscription;
use crate::exchange::merged::asked::Asked;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::part::{Course, Part};
use crate::mcp::method::Shape;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::to_client::Origin;
use crate::sse::{EventReader, TooLong, WholeEvent};

/// A stream that goes by: its call, what reads it, and the second that it began in.
pub(super) type Streaming = (CallId, Box<EventReader>, u64);

impl Part {
    /// Takes the next bytes of the stream; `end` if it has ended with them.
    pub(super) fn streams(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        (call, mut reader, since): Streaming,
        (chunk, end): (&[u8], bool),
    ) {
        // Streams of those without sessions cannot be resumed.
        let peer = client.caller.peer(self.upstream);
        let has_positions = peer.is_some_and(|peer| peer.era() == Era::Handshake);
        let (read, asked) = self.read(cx, client, &mut reader, chunk);
        self.answer(cx, client, &asked);
        if let Err(TooLong { id }) = read {
            let (name, limit) = (cx.gateway.name(self.upstream), cx.gateway.limits.upstream_body);
            client.effects.push(Effect::Warn(format!(
                "{}: an event of upstream {name} is longer than {limit} bytes \
                 (limits.upstream_body): it is left out",
                client.label
            )));
            if !end {
                client.effects.push(Effect::CancelCall(call));
            }
            // It would come again.
            match id.filter(|_| has_positions) {
                Some(id) => client.moves(self.upstream, &id),
                None => client.forget(self.upstream),
            }
            self.is_lost = true;
            self.ended(cx, client, since);
        } else if end {
            // Nobody keeps what it says meanwhile.
            self.is_lost |= !has_positions;
            self.ended(cx, client, since);
        } else {
            self.course = Course::Streams(call, reader, since);
        }
    }

    fn read(
        &mut self,
        cx: &Context<'_>,
        client: &mut ClientSide,
        reader: &mut EventReader,
        chunk: &[u8],
    ) -> (Result<(), TooLong>, Vec<Asked>) {
        let peer = client.caller.peer(self.upstream);
        let origin = Origin {
            upstream: cx.gateway.upstream(self.upstream),
            tags: OwnerTags { keys: &cx.gateway.keys, scope: client.caller.scope() },
            request: None,
            shape: Shape::Opaque,
            dialect: client.caller.dialect(peer),
        };
        let has_positions = origin.dialect.from == Era::Handshake;
        let (mut strays, mut asked) = (0, Vec::new());
        let mut relisted = BTreeSet::new();
        let read = reader.feed(chunk, &mut |event: WholeEvent| {
            if let Some(id) = event.id.filter(|_| has_positions) {
                client.moves(self.upstream, &id);
            }
            if let Some(retry) = event.retry {
                self.backoff.ask(retry);
            }
            let Some(data) = event.data else { return };
            self.backoff.reset();
            match (event.name.as_slice(), data.as_slice()) {
                // It says by its id alone where the stream goes on.
                (b"" | b"message", b"") if client.has_moved() => client.send(cx.gateway, b"", b""),
                (b"" | b"message", b"") => {}
                (b"" | b"message", data) => {
                    let passed = client.wanted.pass((self.upstream, origin), data);
                    strays += usize::from(passed.is_stray);
                    asked.extend(passed.asked);
                    relisted.extend(passed.relisted);
                    for message in passed.messages {
                        client.send(cx.gateway, b"", &message);
                    }
                }
                (name, data) if client.wanted.has_ids() => client.send(cx.gateway, name, data),
                _ => {}
            }
        });
        let changed = list_subscription::changed(cx.gateway, origin.dialect.from, relisted);
        client.effects.extend(changed);
        if strays > 0 {
            client.effects.push(Effect::Warn(format!(
                "{}: upstream {} answered a request on this stream: the answer was removed",
                client.label, origin.upstream.name
            )));
        }
        (read, asked)
    }
}
