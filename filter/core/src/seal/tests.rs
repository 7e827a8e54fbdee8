use super::*;
use crate::chance::Chance;

const NONCE: [u8; NONCE_LEN] = *b"abcdefghijklmnopqrstuvwx";
const TAG: ScopeTag = ScopeTag(*b"0123456789abcdef");

fn key(byte: u8) -> Key {
    Key::new([byte; 32])
}

fn ring(first: u8, others: &[u8]) -> KeyRing {
    KeyRing::new(key(first), others.iter().map(|byte| key(*byte)).collect())
}

fn cursor(method: &str, scope: ScopeTag) -> Purpose<'_> {
    Purpose::Cursor { method, scope }
}

#[test]
fn what_was_sealed_opens() {
    let keys = ring(1, &[]);
    for plain in [&b""[..], b"x", b"\0\xff", &[7; 1000]] {
        for purpose in [Purpose::Session { caller: None }, cursor("tools/list", TAG)] {
            let text = keys.seal(purpose, NONCE, plain);
            assert_eq!(keys.open(purpose, text.as_bytes()).as_deref(), Some(plain));
            assert_eq!(ScopeTag::of(text.as_bytes()), Some(ScopeTag(*b"abcdefghijklmnop")));
        }
    }
}

/// Clients hold texts across upgrades of the gateway: the layout may change only with its version.
#[test]
fn the_layout_is_fixed() {
    let text = ring(1, &[]).seal(Purpose::Session { caller: None }, NONCE, b"plain");
    assert_eq!(text, "AtlWaRlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3i8fvC8Imt23aFJxTEeF6XTa0x718w");
}

#[test]
fn a_text_opens_for_its_purpose_only() {
    let keys = ring(1, &[]);
    let other = ScopeTag(*b"0123456789abcdeF");
    let purposes = [
        Purpose::Session { caller: None },
        cursor("tools/list", TAG),
        cursor("prompts/list", TAG),
        cursor("tools/list", other),
        cursor("", TAG),
        Purpose::State { method: "tools/list", scope: TAG },
        Purpose::State { method: "", scope: TAG },
    ];
    for sealed in purposes {
        let text = keys.seal(sealed, NONCE, b"plain");
        for opened in purposes {
            let plain = keys.open(opened, text.as_bytes());
            assert_eq!(plain.is_some(), sealed == opened, "{sealed:?} as {opened:?}");
        }
    }
}

#[test]
fn every_key_opens_and_the_first_seals() {
    let old = ring(1, &[]);
    let rotated = ring(2, &[1]);
    let new = ring(2, &[]);
    let before = old.seal(Purpose::Session { caller: None }, NONCE, b"plain");
    let after = rotated.seal(Purpose::Session { caller: None }, NONCE, b"plain");
    let opens = |keys: &KeyRing, text: &str| {
        keys.open(Purpose::Session { caller: None }, text.as_bytes()).is_some()
    };
    assert!(opens(&rotated, &before) && opens(&rotated, &after));
    assert!(opens(&new, &after) && !opens(&new, &before));
    assert!(!opens(&old, &after));
}

/// Four bytes of id may collide; then the right one of the keys must still be found.
#[test]
fn keys_with_the_same_id_are_all_tried() {
    let mut twin = key(2);
    twin.id = key(1).id;
    let text = ring(1, &[]).seal(Purpose::Session { caller: None }, NONCE, b"plain");
    let keys = KeyRing::new(twin, vec![key(3), key(1)]);
    assert_eq!(
        keys.open(Purpose::Session { caller: None }, text.as_bytes()).as_deref(),
        Some(&b"plain"[..])
    );
}

#[test]
fn no_other_text_opens() {
    let keys = ring(1, &[2]);
    // Three lengths, for every length of the last base64 group.
    for plain in [&b"plain"[..], b"plain.", b"plain.."] {
        let text = keys.seal(Purpose::Session { caller: None }, NONCE, plain).into_bytes();
        for at in 0..text.len() {
            for byte in 0..=u8::MAX {
                let mut tampered = text.clone();
                tampered[at] = byte;
                let opened = keys.open(Purpose::Session { caller: None }, &tampered).is_some();
                assert_eq!(opened, byte == text[at], "byte {at} as {byte}");
                let _ = ScopeTag::of(&tampered);
            }
            assert_eq!(
                keys.open(Purpose::Session { caller: None }, &text[..at]),
                None,
                "cut at {at}"
            );
        }
        for tail in ["=", "==", "A", "AA", "AAAA", "\n", " "] {
            let longer = [&text, tail.as_bytes()].concat();
            assert_eq!(keys.open(Purpose::Session { caller: None }, &longer), None, "{tail:?}");
        }
    }
}

#[test]
fn the_limit_holds() {
    let keys = ring(1, &[]);
    let scope = ScopeTag([7; ScopeTag::LEN]);
    let method = "tools/list";
    for purpose in [
        Purpose::Session { caller: None },
        Purpose::Cursor { method, scope },
        Purpose::State { method, scope },
    ] {
        let limit = purpose.max_text();
        let opens = |plain: usize| {
            let text = keys.seal(purpose, NONCE, &vec![0; plain]);
            (text.len() <= limit, keys.open(purpose, text.as_bytes()).is_some())
        };
        let longest = (limit - MIN_TEXT) / 4 * 3;
        assert_eq!(opens(longest), (true, true));
        assert_eq!(opens(longest + 1), (false, false));
    }
}

#[test]
fn any_bytes_are_refused() {
    let keys = ring(1, &[]);
    let mut chance = Chance::new(1);
    let sealed = keys.seal(Purpose::Session { caller: None }, NONCE, b"plain").into_bytes();
    for _ in 0..20_000 {
        let text = chance.bytes(120);
        assert_eq!(keys.open(Purpose::Session { caller: None }, &text), None);
        assert_eq!(ScopeTag::of(&text), ScopeTag::of(&text));
        // Well-formed base64url, with the head of a real text or without.
        let mut bytes = chance.bytes(120);
        let letters = BASE64URL.encode(&bytes);
        assert_eq!(keys.open(Purpose::Session { caller: None }, letters.as_bytes()), None);
        bytes.splice(..0, BASE64URL.decode(&sealed).unwrap().into_iter().take(29));
        assert_eq!(
            keys.open(Purpose::Session { caller: None }, BASE64URL.encode(&bytes).as_bytes()),
            None
        );
    }
}

#[test]
fn a_tag_is_read_from_the_head_alone() {
    let text = ring(1, &[]).seal(Purpose::Session { caller: None }, NONCE, b"plain").into_bytes();
    let mut changed = text.clone();
    for byte in &mut changed[28..] {
        *byte = b'!';
    }
    assert_eq!(ScopeTag::of(&changed), ScopeTag::of(&text));
    assert_eq!(ring(1, &[]).seal(Purpose::Session { caller: None }, NONCE, b"").len(), MIN_TEXT);
    for len in 0..MIN_TEXT {
        assert_eq!(ScopeTag::of(&text[..len]), None, "{len} bytes");
    }
    let mut version = text;
    version[0] = b'B';
    assert_eq!(ScopeTag::of(&version), None);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", ring(0xAB, &[1]));
    assert!(!shown.to_lowercase().contains("abab") && !shown.contains("171, 171"), "{shown}");
    assert!(shown.contains("Key("));
}
