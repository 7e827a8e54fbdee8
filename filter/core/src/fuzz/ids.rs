//! What clients are given and bring back: session ids, cursors, marked ids, ids of events, names, URIs.

use std::time::Duration;

use crate::fixture;
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Raw, decode};
use crate::mcp::event_id::{StreamContext, digest};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::mcp::owner_tag::{OwnerTags, TaskTags};
use crate::mcp::positions::Positions;
use crate::mcp::{cursor, header_value, name, uri};
use crate::seal::{CallerTag, NONCE_LEN, ScopeTag};
use crate::session::Session;

const CONFIG: &str =
    r#"{"upstreams":[{"name":"a"},{"name":"b-1","prefix":"My_B"},{"name":"c","prefix":""}]}"#;

const SCOPE: ScopeTag = ScopeTag([3; ScopeTag::LEN]);

/// The first byte is a place, the rest a text that a client brings, or what stands in one that it was given.
///
/// # Panics
///
/// Where a promise does not hold.
pub fn ids(input: &[u8]) {
    let Some((place, bytes)) = input.split_first() else { return };
    let gateway = fixture::gateway(CONFIG);
    sealed(&gateway, usize::from(*place), bytes);
    events(&gateway, bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        marked(&gateway, text);
        named(&gateway, text);
        assert_eq!(
            header_value::decode(header_value::encode(text).as_bytes()).as_deref(),
            Some(text)
        );
    }
    let _ = header_value::decode(bytes);
}

/// What the gateway did not seal does not open, and what it did does, unless a single bit of it has changed.
fn sealed(gateway: &Gateway, place: usize, bytes: &[u8]) {
    let keys = &gateway.keys;
    let (caller, ttl) = (Some(CallerTag([3; 16])), Duration::from_secs(60));
    assert!(Session::open(bytes, keys, caller, 0, ttl).is_err(), "a session of nobody's");
    assert!(cursor::open(keys, "tools/list", SCOPE, bytes).is_none(), "a cursor of nobody's");
    if let Ok(mut session) = postcard::from_bytes::<Session>(bytes) {
        let _ = session.fit();
        let id = session.seal(keys, caller, [7; NONCE_LEN]);
        let now = session.issued;
        assert_eq!(Session::open(id.as_bytes(), keys, caller, now, ttl).as_ref(), Ok(&session));
        assert!(Session::open(id.as_bytes(), keys, None, now, ttl).is_err(), "another caller's");
        let mut other = id.into_bytes();
        let at = place % other.len();
        other[at] ^= 1;
        assert!(
            Session::open(&other, keys, caller, now, ttl).is_err(),
            "a session that was changed"
        );
    }
    if let Ok(positions) = postcard::from_bytes::<Vec<cursor::Position>>(bytes) {
        let text = cursor::seal(keys, "tools/list", SCOPE, [7; NONCE_LEN], &positions);
        let text = text.as_bytes();
        assert_eq!(cursor::open(keys, "tools/list", SCOPE, text).as_ref(), Some(&positions));
        assert!(cursor::open(keys, "prompts/list", SCOPE, text).is_none(), "of another list");
        assert!(cursor::open(keys, "tools/list", ScopeTag::NONE, text).is_none());
    }
}

fn marked(gateway: &Gateway, text: &str) {
    let tags = OwnerTags { keys: &gateway.keys, scope: SCOPE };
    assert_eq!(tags.scalar_owner(gateway, text), None, "marked by nobody");
    let Some(raw) = Raw::read(text) else { return };
    let b = UpstreamId::at(1);
    let marked = tags.scalar("b-1", raw.get());
    assert_eq!(tags.scalar_owner(gateway, &marked), Some((b, raw.get().to_owned())));
    let others = OwnerTags { keys: &gateway.keys, scope: ScopeTag::NONE };
    assert_eq!(others.scalar_owner(gateway, &marked), None, "of another session");
    for tags in [TaskTags::Plain, TaskTags::Coded(tags)] {
        let Some(own) = decode(raw.get()) else { continue };
        let marked = tags.mark("b-1", raw.get()).unwrap();
        let read = decode(&marked).unwrap();
        assert_eq!(tags.owner(gateway, &read), Some((b, &*own)), "a task");
    }
}

fn events(gateway: &Gateway, bytes: &[u8]) {
    if let Some((owner, context, id)) = StreamContext::of_event(gateway, bytes) {
        let again = context.event(gateway.name(owner), id);
        let (found, context_again, id_again) = StreamContext::of_event(gateway, &again).unwrap();
        assert_eq!((found, &context_again, id_again), (owner, &context, id));
    }
    let request = Id::from_raw("7");
    let context = StreamContext::new(Shape::Tool, digest(Some("x")), request.as_ref());
    let marked = context.event("b-1", bytes);
    let read = StreamContext::of_event(gateway, &marked);
    assert_eq!(read, Some((UpstreamId::at(1), context, bytes)), "an event's id");

    let mut positions = Positions::read(gateway, bytes).unwrap_or_default();
    positions.set(UpstreamId::at(0), digest(None), bytes);
    let text = positions.text(gateway);
    assert!(text.len() <= 6 * 1024 && !text.iter().any(|byte| b"\r\n\0".contains(byte)));
    assert_eq!(Positions::read(gateway, &text), Some(positions), "the ids of several");
}

/// A name and a URI that a client is shown lead back to their owner.
fn named(gateway: &Gateway, text: &str) {
    let raw = crate::json::encode(text);
    for (at, upstream) in gateway.upstreams.iter() {
        let shown = decode(&name::join(&upstream.joined_prefix, &raw)).unwrap().into_owned();
        if name::reaches(gateway, at, text) {
            assert_eq!(name::owner(gateway, &shown), Some((at, text)), "a name");
        }
        if uri::reaches(gateway, at, text) {
            let shown = uri::show(upstream, &raw)
                .map_or(text.to_owned(), |it| decode(&it).unwrap().into_owned());
            let (owner, own) = uri::owner(gateway, &shown).unwrap();
            assert_eq!((owner, &*own), (at, text), "a URI");
        }
    }
}
