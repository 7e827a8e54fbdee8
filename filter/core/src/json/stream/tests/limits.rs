//! Depth, length, garbage and speed.

use super::*;

#[test]
fn a_hundred_thousand_levels_are_walked_through_with_a_bit_for_each() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = 100_000;
        let inner = format!("{}1{}", open.repeat(deep), close.repeat(deep));
        let text = format!(r#"{{"x":{inner},"params":{{"y":{inner},"name":"n"}}}}"#);
        let (mut stream, mut notes) =
            (Stream::new(&TABLE, 100, Skipping::Trusting), Notes::default());
        let mut most = 0;
        for piece in text.as_bytes().chunks(1000) {
            let _ = stream.feed(piece, &mut notes);
            most = most.max(stream.held());
        }
        assert_eq!(stream.status(), Status::Ended(text.len() as u64));
        assert!(notes.0.iter().any(|told| matches!(told, Report::Leaf(Tag::Name, ..))));
        assert!(most <= 32 * 1024, "{most}");
    }
}

#[test]
fn what_is_too_deep_is_refused() {
    let text = format!(r#"{{"x":{}"#, "[".repeat(2 << 20));
    assert_eq!(walk(text.as_bytes().chunks(5000), 100).1, Status::Malformed);
}

#[test]
fn brackets_that_do_not_match_and_other_tops_are_malformed_at_every_cut() {
    for text in [
        "[]",
        "1",
        "\"a\"",
        "null",
        "{]",
        "{\"x\":[}",
        "{\"x\":{]}",
        "{\"x\":[{]}]}",
        "{\"a\"}",
        "{,}",
        "{\"a\":}",
        "{\"a\":,",
        "{\"a\":1,}",
        "{\"a\":1 2",
        "{\"a\" 1",
        "{a:1}",
        "{\"id\":1.}",
        "{\"id\":01}",
        "{\"id\":nul}",
        "{\"id\":\"\\x\"}",
        "{\"id\":\"\n\"}",
        "{\"id\":\"\\ud800\\\"",
        "{\"a\":1\"",
        "{\"a\":x",
        "{\"\\x\":1",
        "{\"a\nb\":1",
        "{\"params\":{\"content\":[,",
        "{\"params\":{\"content\":[1,]",
        "{\"params\":{\"content\":[1 2",
        "{\"id\":t:",
        "{\"a\":1{",
        "\u{feff}{}",
    ] {
        // Some are only unfinished until something ends them.
        let text = format!("{text}}}");
        let whole = walk([text.as_bytes()], 100);
        let unfinished = text.contains("ud800");
        assert_eq!(whole.1 == Status::Malformed, !unfinished, "{text}");
        assert_eq!(walk(text.as_bytes().chunks(1), 100), whole, "{text}");
    }
    let bytes = b"{\"id\":\"\xff\"}";
    assert_eq!(walk([&bytes[..]], 100).1, Status::Malformed);
    assert_eq!(walk([&b"{\"\xff\":1"[..]], 100).1, Status::Malformed);
}

#[test]
fn an_object_that_is_too_long_to_be_told_is_not_looked_at_however_it_comes() {
    static TABLE: Interest<Tag> = Interest {
        members: &[("x", Interest { whole: Some(Tag::Item), ..Interest::NONE })],
        ..Interest::NONE
    };
    let run = |bytes: &[u8], piece: usize| {
        let (mut stream, mut notes) =
            (Stream::new(&TABLE, 8, Skipping::Trusting), Notes::default());
        for piece in bytes.chunks(piece) {
            let _ = stream.feed(piece, &mut notes);
        }
        (notes.0, stream.status())
    };
    let long = b"{\"x\":{\"\xff\xff\xff\xff\":1}}";
    let told = (vec![Report::Oversized(Tag::Item)], Status::Ended(long.len() as u64));
    assert_eq!((run(long, 1), run(long, 100)), (told.clone(), told));
    let short = b"{\"x\":{\"\xff\":1}}";
    assert_eq!((run(short, 1).1, run(short, 100).1), (Status::Malformed, Status::Malformed));
}

#[test]
fn a_document_that_breaks_off_is_open() {
    let text = r#"{"id":"a","params":{"name":"n","content":[{"uri":1}],"x":[{"y":"\\"}]}}"#;
    for end in 0..text.len() {
        assert_eq!(walk([&text.as_bytes()[..end]], 100).1, Status::Open, "{end}");
    }
}

#[test]
fn garbage_is_told_the_same_at_every_cut() {
    for seed in 0..3000 {
        let mut chance = Chance::new(seed);
        let mut bytes = document(&mut chance).into_bytes();
        for _ in 0..chance.below(4) {
            let at = chance.below(bytes.len());
            bytes[at] =
                if chance.below(2) == 0 { chance.byte() } else { chance.pick(b"{}[]\",:\\0 e") };
        }
        let whole = walk([&bytes[..]], 12);
        assert_eq!(walk(bytes.chunks(1), 12), whole, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(walk(cut(&mut chance, &bytes), 12), whole);
        if serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok() {
            assert!(matches!(whole.1, Status::Ended(_)), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn long_keys_and_leaves_are_not_held() {
    let long = "k".repeat(3 << 20);
    let text = format!(
        r#"{{"{long}":1,"id":"{long}","params":{{"{long}":"","name":"{long}","uri":"u"}},"id":2}}"#
    );
    let (mut stream, mut notes) = (Stream::new(&TABLE, 4096, Skipping::Trusting), Notes::default());
    let mut most = 0;
    for piece in text.as_bytes().chunks(1000) {
        let _ = stream.feed(piece, &mut notes);
        most = most.max(stream.held());
    }
    assert!(most <= 2 * 4096, "{most}");
    assert_eq!(notes.0, walk([text.as_bytes()], 4096).0);
    let long = notes.0.iter().filter(|told| matches!(told, Report::Key(_, None))).count();
    assert_eq!(long, 2);
    assert!(notes.0.contains(&Report::Oversized(Tag::Name)));
    assert!(notes.0.contains(&Report::Leaf(Tag::Id, "2".to_owned(), text.len() as u64 - 2)));
}
