use super::*;
use crate::chance::Chance;
use crate::seal::Key;

const NONCE: [u8; 24] = [5; 24];
const SESSION: ScopeTag = ScopeTag([1; ScopeTag::LEN]);
const LIST: &str = "tools/list";

fn keys(secret: u8) -> KeyRing {
    KeyRing::new(Key::new([secret; 32]), Vec::new())
}

fn position(upstream: &str, cursor: &str) -> Position {
    let mut walk = Walk::default();
    walk.follow(r#""before""#);
    Position { upstream: upstream.to_owned(), cursor: cursor.to_owned(), walk }
}

fn positions() -> Vec<Position> {
    vec![position("a", r#""""#), position("b", r#""\u0041\ud800é""#)]
}

#[test]
fn positions_come_back_byte_identical_and_in_order() {
    let long = format!("\"{}\"", "x".repeat(4000));
    for positions in [positions(), Vec::new(), vec![position("a", &long)]] {
        let text = seal(&keys(1), LIST, SESSION, NONCE, &positions);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(open(&keys(1), LIST, SESSION, text.as_bytes()), Some(positions));
    }
}

#[test]
fn a_cursor_is_good_for_one_list_one_session_and_one_key() {
    let text = seal(&keys(1), LIST, SESSION, NONCE, &positions());
    let text = text.as_bytes();
    assert!(open(&keys(1), LIST, SESSION, text).is_some());
    assert_eq!(open(&keys(1), "prompts/list", SESSION, text), None);
    assert_eq!(open(&keys(1), "", SESSION, text), None);
    assert_eq!(open(&keys(1), LIST, ScopeTag([2; ScopeTag::LEN]), text), None);
    assert_eq!(open(&keys(2), LIST, SESSION, text), None);
    let rotated = KeyRing::new(Key::new([2; 32]), vec![Key::new([1; 32])]);
    assert_eq!(open(&rotated, LIST, SESSION, text), Some(positions()));
}

#[test]
fn a_session_id_is_no_cursor() {
    let plain = postcard::to_allocvec(&positions()).unwrap();
    let text = keys(1).seal(Purpose::Session { caller: None }, NONCE, &plain);
    assert_eq!(open(&keys(1), LIST, SESSION, text.as_bytes()), None);
}

#[test]
fn a_changed_cursor_does_not_open() {
    let text = seal(&keys(1), LIST, SESSION, NONCE, &positions()).into_bytes();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] = if text[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(open(&keys(1), LIST, SESSION, &changed), None, "byte {at}");
        assert_eq!(open(&keys(1), LIST, SESSION, &text[..at]), None, "{at} bytes");
    }
    for more in [&b"A"[..], b"=", b" ", b"\xff"] {
        assert_eq!(open(&keys(1), LIST, SESSION, &[&text[..], more].concat()), None);
    }
}

/// Cursors are authenticated, so this is the second line: whatever was sealed, no panic.
#[test]
fn any_sealed_bytes_open_or_not() {
    let mut chance = Chance::new(6);
    let purpose = Purpose::Cursor { method: LIST, scope: SESSION };
    let plain = postcard::to_allocvec(&positions()).unwrap();
    for len in 0..plain.len() {
        let text = keys(1).seal(purpose, NONCE, &plain[..len]);
        assert_eq!(open(&keys(1), LIST, SESSION, text.as_bytes()), None, "{len} bytes");
    }
    for _ in 0..3_000 {
        let mut changed = plain.clone();
        let at = chance.below(changed.len());
        changed[at] = chance.byte();
        for plain in [changed, chance.bytes(40)] {
            let text = keys(1).seal(purpose, NONCE, &plain);
            let _ = open(&keys(1), LIST, SESSION, text.as_bytes());
        }
    }
}
