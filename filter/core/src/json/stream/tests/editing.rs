//! The editor.

use super::*;
use crate::bytes::Passed;
use crate::json::{Decision, Edit, Edits, Scan, decode};

/// Changes the URIs of links and the names; what a URI is of may come behind it.
#[derive(Default)]
struct Links {
    kind: Option<bool>,
}

fn new(raw: &str) -> Vec<u8> {
    format!("\"new {}\"", raw.len()).into_bytes()
}

impl Edit<Tag> for Links {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) -> Decision {
        match (leaf.tag, self.kind) {
            (Tag::Kind, None) => {
                self.kind = Some(decode(leaf.raw).as_deref() == Some("resource_link"));
                Decision::Settle
            }
            (Tag::Uri, None) => Decision::Wait,
            (Tag::Uri, Some(true)) | (Tag::Name, _) => Decision::Replace(new(leaf.raw)),
            _ => Decision::Keep,
        }
    }

    fn settle(&mut self, leaf: Leaf<'_, Tag>) -> Decision {
        if self.kind == Some(true) { Decision::Replace(new(leaf.raw)) } else { Decision::Keep }
    }

    fn begin(&mut self, tag: Tag) {
        if tag == Tag::Item {
            self.kind = None;
        }
    }

    fn settles(&self, tag: Tag) -> bool {
        tag == Tag::Item
    }
}

/// The same, by what is told of the whole document at once.
fn edited(text: &str) -> String {
    let (told, _) = walk([text.as_bytes()], usize::MAX);
    let mut changes = Vec::new();
    let mut block = Vec::new();
    let mut kind = None;
    for told in told {
        match told {
            Report::Begin(Tag::Item) => kind = None,
            Report::Leaf(Tag::Name, raw, at) => changes.push((at, raw)),
            Report::Leaf(Tag::Uri, raw, at) => block.push((at, raw)),
            Report::Leaf(Tag::Kind, raw, _) if kind.is_none() => {
                kind = Some(decode(&raw).as_deref() == Some("resource_link"));
            }
            Report::End(Tag::Item, _) => {
                let block = std::mem::take(&mut block);
                changes.extend(block.into_iter().filter(|_| kind == Some(true)));
            }
            _ => {}
        }
    }
    changes.sort_unstable();
    let mut out = text.to_owned();
    for (at, raw) in changes.into_iter().rev() {
        let at = usize::try_from(at).unwrap();
        out.replace_range(at..at + raw.len(), &String::from_utf8(new(&raw)).unwrap());
    }
    out
}

/// What becomes of a document that is there as a whole.
fn applied(text: &str) -> Vec<u8> {
    let mut edits = Edits::of(text.as_bytes());
    Scan::whole(text, |scan| edits.apply(scan, &TABLE, &mut Links::default())).unwrap();
    edits.finish().unwrap_or_else(|| text.as_bytes().to_vec())
}

/// A document with items in it, whose members come in any order.
fn items(chance: &mut Chance) -> String {
    let members = [
        r#""type":"resource_link""#,
        r#""typ\u0065" : "text""#,
        r#""type":"resource\u005flink""#,
        r#""uri":"a:b""#,
        r#""\u0075ri":"""#,
        r#""text":"\"uri\":\"x\"}""#,
        r#""resource":{"uri":"c:d"}"#,
        r#""x":[{"uri":"no"}]"#,
    ];
    let mut item = || {
        let some: Vec<&str> = (0..chance.below(5)).map(|_| chance.pick(&members)).collect();
        format!("{{{}}}", some.join(", "))
    };
    let items: Vec<String> = (0..5).map(|_| item()).collect();
    format!(
        r#"{{"params":{{"content":[{}], "name" :"n","content":{}}},"id":1}} "#,
        items.join(","),
        item()
    )
}

fn edit<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limit: usize) -> (Vec<u8>, usize) {
    let mut editor = Editor::new(&TABLE, limit, Skipping::Trusting);
    let (mut links, mut out) = (Links::default(), Vec::new());
    for piece in pieces {
        let before = out.len();
        if editor.feed(piece, &mut links, &mut out) == Passed::AsIs {
            assert_eq!(out.len(), before);
            out.extend_from_slice(piece);
        }
    }
    // Behind what is no JSON, nobody asks.
    let skipped = if editor.status() == Status::Malformed { 0 } else { editor.skipped() };
    out.extend(editor.finish());
    (out, skipped)
}

#[test]
fn leaves_change_in_place_as_in_the_whole_document() {
    let mut changed = 0;
    for seed in 0..4000 {
        let mut chance = Chance::new(seed);
        let text = if seed % 3 == 0 { document(&mut chance) } else { items(&mut chance) };
        let wanted = edited(&text);
        changed += usize::from(wanted != text);
        let pieces = cut(&mut chance, text.as_bytes());
        for (out, skipped) in [
            (applied(&text), 0),
            edit([text.as_bytes()], usize::MAX),
            edit(text.as_bytes().chunks(1), usize::MAX),
            edit(pieces, 1 << 20),
        ] {
            assert_eq!(String::from_utf8(out).unwrap(), wanted, "{text}");
            assert_eq!(skipped, 0);
        }
    }
    assert!(changed > 2000, "{changed}");
}

#[test]
fn limits_and_garbage_give_the_same_at_every_cut() {
    let mut skips = 0;
    for seed in 0..4000 {
        let mut chance = Chance::new(seed);
        let mut bytes = items(&mut chance).into_bytes();
        if seed % 2 == 0 {
            let at = chance.below(bytes.len());
            bytes[at] = chance.pick(b"{}[]\",:\\0 e\xff");
        }
        let limit = chance.pick(&[0, 5, 20, 60]);
        let whole = edit([&bytes[..]], limit);
        skips += whole.1;
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(edit(bytes.chunks(1), limit), whole, "{limit}: {text}");
        assert_eq!(edit(cut(&mut chance, &bytes), limit), whole, "{limit}: {text}");
    }
    assert!(skips > 2000, "{skips}");
}

#[test]
fn a_chunk_that_needs_no_change_is_not_copied() {
    let mut editor = Editor::new(&TABLE, 100, Skipping::Trusting);
    let (mut links, mut out) = (Links::default(), Vec::new());
    let mut feed = |editor: &mut Editor<Tag>, piece: &str| {
        out.clear();
        let passed = editor.feed(piece.as_bytes(), &mut links, &mut out);
        (passed == Passed::Changed).then(|| String::from_utf8(out.clone()).unwrap())
    };
    assert_eq!(feed(&mut editor, r#"{"id":1,"params":{"x":["#), None);
    assert_eq!(feed(&mut editor, &"1,".repeat(1000)), None);
    assert_eq!(feed(&mut editor, r#"2],"name":"#), None);
    assert_eq!(feed(&mut editor, r#" "na"#).as_deref(), Some(" "));
    assert_eq!(feed(&mut editor, "me").as_deref(), Some(""));
    assert_eq!(feed(&mut editor, r#"","content":[{"#).as_deref(), Some(r#""new 6","content":[{"#));
    assert_eq!(feed(&mut editor, r#""uri":"1","y":["#).as_deref(), Some(r#""uri":"#));
    assert_eq!(feed(&mut editor, r#"],"z":1,"#).as_deref(), Some(""));
    assert!(editor.held() > 0);
    assert_eq!(
        feed(&mut editor, r#""type":"resource_link""#).as_deref(),
        Some(r#""new 3","y":[],"z":1,"type":"resource_link""#)
    );
    assert_eq!(feed(&mut editor, "}]}}"), None);
    assert_eq!(feed(&mut editor, "anything"), None);
    assert_eq!(editor.held(), 0);
}

#[test]
fn what_is_held_back_is_bounded_and_its_time_linear() {
    let limit = 64 * 1024;
    let mut editor = Editor::new(&TABLE, limit, Skipping::Trusting);
    let (mut links, mut out) = (Links::default(), Vec::new());
    let _ = editor.feed(br#"{"params":{"content":[{"#, &mut links, &mut out);
    let (mut most, mut fed, mut gone) = (0, 0, 0);
    // Each waits for a type that never comes.
    for _ in 0..300_000 {
        let piece = br#""uri":"a","#;
        fed += piece.len();
        if editor.feed(piece, &mut links, &mut out) == Passed::AsIs {
            gone += piece.len();
        }
        gone += std::mem::take(&mut out).len();
        most = most.max(editor.held());
    }
    // Each text is short, and noted with its place.
    assert!(most <= 8 * limit, "{most}");
    assert!(fed - gone <= limit + 30 && editor.skipped() > 290_000);
}
