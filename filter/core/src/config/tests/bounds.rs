//! Configurations that are too long, or no configurations at all.

use serde_json::json;

use super::{compiled, full, refusal};
use crate::config::protobuf_struct;

#[test]
fn lists_are_bounded() {
    let upstreams = |count: usize| {
        let upstreams: Vec<_> = (0..count).map(|n| json!({"name": format!("u{n}")})).collect();
        json!({"upstreams": upstreams}).to_string()
    };
    assert!(compiled(upstreams(0).as_bytes()).is_ok());
    assert!(compiled(upstreams(64).as_bytes()).is_ok());
    let message = "upstreams: found a longer list, expected a list of at most 64 entries";
    assert_eq!(refusal(&upstreams(65)), message);
    let path = |length: usize| {
        json!({"upstreams": [{"name": "a", "path": format!("/{}", "p".repeat(length - 1))}]})
            .to_string()
    };
    assert!(compiled(path(2048).as_bytes()).is_ok());
    assert!(refusal(&path(2049)).contains("in at most 2048 visible"));
    let patterns = |count: usize, length: usize| {
        let tools = json!({"deny": vec!["a".repeat(length); count]});
        json!({"upstreams": [{"name": "a", "tools": tools}]}).to_string()
    };
    assert!(compiled(patterns(256, 256).as_bytes()).is_ok());
    let message =
        "upstreams[0].tools.deny: found a longer list, expected a list of at most 256 entries";
    assert_eq!(refusal(&patterns(257, 1)), message);
    assert!(refusal(&patterns(1, 257)).starts_with("upstreams[0].tools.deny[0]: found \"aaa"));
}

/// Each mutation of a good configuration is taken or refused, never a panic, and no refusal shows
/// the credentials that are in it.
#[test]
fn no_bytes_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let seeds = [full().to_string().into_bytes(), protobuf_struct::bytes_of(&full())];
    let mut refused = 0;
    for round in 0..4000 {
        let mut bytes = seeds[round % 2].clone();
        for _ in 0..=random(4) {
            if bytes.is_empty() {
                break;
            }
            let at = random(bytes.len());
            let end = at + random(16).min(bytes.len() - at);
            match random(5) {
                0 => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                1 => bytes[at] ^= 1 << random(8),
                2 => drop(bytes.drain(at..end)),
                3 => bytes.truncate(at.max(1)),
                _ => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            }
        }
        if let Err(error) = compiled(&bytes) {
            refused += 1;
            let error = error.to_string();
            assert!(!error.contains("AAAAAAAA") && error.len() < 4096, "{error}");
        }
    }
    assert!((2000..4000).contains(&refused), "{refused} of 4000 refused");
}
