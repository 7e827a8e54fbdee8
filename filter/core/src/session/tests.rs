//! Session ids: what comes back, what fits, what opens.

use super::*;
use crate::chance::Chance;
use crate::seal::Key;

const NONCE: [u8; NONCE_LEN] = [9; NONCE_LEN];
const HOUR: Duration = Duration::from_secs(3600);
const NOW: u64 = 1_790_000_000;

fn keys() -> KeyRing {
    KeyRing::new(Key::new([1; 32]), Vec::new())
}

fn member(upstream: &str, id: Option<&str>) -> UpstreamSession {
    UpstreamSession {
        upstream: upstream.to_owned(),
        id: id.map(str::to_owned),
        revision: Revision::V2025_06_18,
        capabilities: Capabilities::TOOLS | Capabilities::TASKS,
        init_fingerprint: id.map(|_| [b'#'; 16]),
    }
}

fn session() -> Session {
    Session {
        issued: NOW,
        revision: Revision::NEWEST,
        client_capabilities: r#"{"roots":{}}"#.to_owned(),
        client_info: r#"{"name":"é","version":"1"}"#.to_owned(),
        upstreams: vec![
            member("everything", Some("0b6f3c4e-4e43-4a6c-8bb5-0f3a1b7d2c11")),
            member("fetch", None),
        ],
    }
}

fn open(text: &[u8], now: u64) -> Result<Session, SessionError> {
    Session::open(text, &keys(), None, now, HOUR)
}

#[test]
fn a_session_comes_back() {
    let empty = Session {
        client_capabilities: String::new(),
        client_info: String::new(),
        upstreams: Vec::new(),
        ..session()
    };
    for session in [session(), empty] {
        let text = session.seal(&keys(), None, NONCE);
        assert!(text.bytes().all(|byte| (0x21..=0x7E).contains(&byte)));
        assert!(ScopeTag::of(text.as_bytes()).is_some());
        assert_eq!(open(text.as_bytes(), NOW), Ok(session));
    }
}

#[test]
fn what_does_not_fit_into_a_header_is_taken_out_the_longest_first() {
    let ids = [10, 3000, 2000, 40, 2500].map(|length| "s".repeat(length));
    let mut session = session();
    session.upstreams = ids.iter().map(|id| member("everything", Some(id))).collect();
    let over = session.fit();
    let lengths = |parts: &[UpstreamSession]| -> Vec<usize> {
        parts.iter().map(|part| part.id.as_ref().map_or(0, String::len)).collect()
    };
    assert_eq!(lengths(&over), [3000]);
    assert_eq!(lengths(&session.upstreams), [10, 2000, 40, 2500]);
    for spare in 0..4 {
        let filled = postcard::to_allocvec(&session).unwrap().len();
        let id = session.upstreams[0].id.as_mut().unwrap();
        // Its length takes two bytes from 128 on.
        id.push_str(&"s".repeat(LONGEST_PAYLOAD - filled - 1 - spare));
        assert_eq!(session.fit(), []);
        let text = session.seal(&keys(), None, NONCE);
        assert!(text.len() <= LONGEST_ID && open(text.as_bytes(), NOW).is_ok());
        session.upstreams[0].id = Some("s".repeat(10));
    }
}

/// Clients hold session ids across upgrades of the gateway.
#[test]
fn the_layout_is_fixed() {
    let payload = postcard::to_allocvec(&session()).unwrap();
    let text = session().seal(&keys(), None, NONCE);
    assert_eq!(
        keys().open(Purpose::Session { caller: None }, text.as_bytes()).as_ref(),
        Some(&payload)
    );
    let expected = [
        &b"\x80\xf7\xc4\xd5\x06\x02\x0c{\"roots\":{}}"[..],
        b"\x1b{\"name\":\"\xc3\xa9\",\"version\":\"1\"}\x02",
        b"\x0aeverything\x01\x240b6f3c4e-4e43-4a6c-8bb5-0f3a1b7d2c11\x01\x81\x04\x01################",
        b"\x05fetch\x00\x01\x81\x04\x00",
    ];
    assert_eq!(payload, expected.concat());
}

#[test]
fn it_expires() {
    let text = session().seal(&keys(), None, NONCE).into_bytes();
    assert!(open(&text, NOW + 3600).is_ok());
    assert_eq!(open(&text, NOW + 3601), Err(SessionError::Expired));
    assert_eq!(open(&text, u64::MAX), Err(SessionError::Expired));
    assert!(Session::open(&text, &keys(), None, u64::MAX, Duration::MAX).is_ok());
    assert_eq!(session().expires(HOUR), NOW + 3600);
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let text = session().seal(&keys(), None, NONCE).into_bytes();
    assert!(open(&text, NOW - 300).is_ok());
    assert_eq!(open(&text, NOW - 301), Err(SessionError::Unreadable));
    assert_eq!(open(&text, 0), Err(SessionError::Unreadable));
}

#[test]
fn what_is_not_a_session_is_unreadable() {
    let text = session().seal(&keys(), None, NONCE).into_bytes();
    for at in 0..text.len() {
        let mut tampered = text.clone();
        tampered[at] = if text[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(open(&tampered, NOW), Err(SessionError::Unreadable), "byte {at}");
    }
    let foreign = KeyRing::new(Key::new([2; 32]), Vec::new());
    let foreign = session().seal(&foreign, None, NONCE);
    assert_eq!(open(foreign.as_bytes(), NOW), Err(SessionError::Unreadable));
    let cursor = Purpose::Cursor { method: "tools/list", scope: ScopeTag([0; ScopeTag::LEN]) };
    let payload = postcard::to_allocvec(&session()).unwrap();
    let cursor = keys().seal(cursor, NONCE, &payload);
    assert_eq!(open(cursor.as_bytes(), NOW), Err(SessionError::Unreadable));
}

/// Payloads are authenticated, so this is the second line: whatever was sealed, no panic.
#[test]
fn any_payload_opens_or_is_unreadable() {
    let mut chance = Chance::new(4);
    let payload = postcard::to_allocvec(&session()).unwrap();
    let opened = |payload: &[u8]| {
        open(keys().seal(Purpose::Session { caller: None }, NONCE, payload).as_bytes(), NOW)
    };
    for len in 0..payload.len() {
        assert_eq!(opened(&payload[..len]), Err(SessionError::Unreadable), "{len} bytes");
    }
    assert_eq!(opened(&[&payload[..], b"\0"].concat()), Err(SessionError::Unreadable));
    for _ in 0..5_000 {
        let _ = opened(&chance.bytes(100));
        let mut changed = payload.clone();
        let at = chance.below(changed.len());
        changed[at] = chance.byte();
        let _ = opened(&changed);
    }
}
