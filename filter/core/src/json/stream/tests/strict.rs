//! What is taken where nothing is trusted, and where a document ends whatever it says.

use super::*;
use crate::json::{Raw, Unwatched};

static NOTHING: Interest<()> = Interest::NONE;

/// How a document ends that comes in pieces of at most so many bytes.
fn read(bytes: &[u8], skipping: Skipping, piece: usize, chance: &mut Chance) -> Status {
    let (mut stream, mut rest) = (Stream::new(&NOTHING, 0, skipping), bytes);
    let mut malformed = false;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(1 + chance.below(piece)));
        let status = stream.feed(part, &mut Unwatched);
        assert!(!malformed || status == Status::Malformed, "no JSON any more, and then JSON again");
        malformed = status == Status::Malformed;
        rest = after;
    }
    stream.status()
}

#[test]
fn it_takes_what_is_taken_as_a_whole_and_nothing_else() {
    let seeds = [
        r#" {"a" : {"b":[null,{"c":""}],"d":true,"e":false} , "" : "é" } "#,
        "[1,-0,0.5,-1.25e+10,1E2,123,[],{},[[]],\"\"]\n",
        r#"{"x":"a\"\\\/\b\f\n\r\t\u00e9\ud800🦀","y":"0123456789012345678901234567890123456789"}"#,
        "[0]",
        "[[-1e5]]",
        "[true]",
        "[\"\u{7f}\u{80}\"]",
    ];
    let mut chance = Chance::new(5);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..60_000 {
        let mut bytes = chance.pick(&seeds).as_bytes().to_vec();
        for _ in 0..round % 4 {
            let at = chance.below(bytes.len());
            match chance.below(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, chance.pick(b"{}[]\",:\\/*'#0-.eEutn \n\x01\xc3\xa9\xf0")),
                _ => bytes[at] = chance.byte(),
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        let text = std::str::from_utf8(&bytes).ok();
        let raw =
            text.and_then(Raw::read).filter(|raw| raw.is_object() || raw.get().starts_with('['));
        let piece = chance.pick(&[1, 3, 1000]);
        let status = read(&bytes, Skipping::Strict, piece, &mut chance);
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(matches!(status, Status::Ended(_)), raw.is_some(), "{shown}");
        taken += usize::from(raw.is_some());
        refused += usize::from(raw.is_none());
    }
    assert!(taken > 15_000 && refused > 15_000, "{taken} {refused}");
}

#[test]
fn the_same_is_told_whether_what_is_skipped_is_trusted_or_not() {
    for seed in 0..1000 {
        let mut chance = Chance::new(seed);
        let text = document(&mut chance);
        let limit = chance.pick(&[0, 3, 12, 1000]);
        let trusting = walk([text.as_bytes()], limit);
        let strict = |pieces: Vec<&[u8]>| {
            let mut stream = Stream::new(&TABLE, limit, Skipping::Strict);
            let mut notes = Notes::default();
            for piece in pieces {
                let _ = stream.feed(piece, &mut notes);
            }
            (notes.0, stream.status())
        };
        assert_eq!(strict(vec![text.as_bytes()]), trusting, "{text}");
        assert_eq!(strict(text.as_bytes().chunks(1).collect()), trusting, "{text}");
        assert_eq!(strict(cut(&mut chance, text.as_bytes())), trusting, "{text}");
    }
}

#[test]
fn depth_costs_a_bit() {
    let mut stream = Stream::new(&NOTHING, 0, Skipping::Strict);
    let _ = stream.feed("[".repeat(1 << 20).as_bytes(), &mut Unwatched);
    assert!(stream.held() < 300_000, "{}", stream.held());
    let closed = stream.feed("]".repeat(1 << 20).as_bytes(), &mut Unwatched);
    assert_eq!(closed, Status::Ended(2 << 20));
    assert_eq!(stream.feed(b"]", &mut Unwatched), Status::Malformed);
}

#[test]
fn a_document_ends_with_its_last_bracket_however_it_is_cut() {
    for (text, after) in [
        ("{}", ""),
        (" \r\n\t{} ", " "),
        (r#"{"a":[{"b":"}\"]\\"},"{"],"\\":1}x"#, "x"),
        (r#"{"a":"\u005c"}}"#, "}"),
        ("[1]", ""),
        (r#"[{"a":"]"},[]]] "#, "] "),
    ] {
        let end = Status::Ended((text.len() - after.len()) as u64);
        for cut in 0..=text.len() {
            let mut stream = Stream::new(&NOTHING, 0, Skipping::Trusting);
            let (one, two) = text.as_bytes().split_at(cut);
            let first = stream.feed(one, &mut Unwatched);
            assert!(first == end || stream.feed(two, &mut Unwatched) == end, "{text} at {cut}");
        }
        assert_eq!(read(text.as_bytes(), Skipping::Trusting, 1, &mut Chance::new(1)), end);
    }
    for unfinished in ["", " ", "{", r#"{"a":"}"#, r#"{"a":"\"#] {
        let status = read(unfinished.as_bytes(), Skipping::Trusting, 9, &mut Chance::new(1));
        assert_eq!(status, Status::Open, "{unfinished}");
    }
}
