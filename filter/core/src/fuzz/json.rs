//! The readers of JSON against each other, against `serde_json`, and against a twin of the masks.

use serde_json::value::RawValue;

use super::cut;
use crate::bytes::Passed;
use crate::json::stream::{Editor, Skipping, Status};
use crate::json::{
    Decision, Edit, Edits, Interest, Leaf, Raw, Scan, Stream, Unwatched, Visit, decode, encode,
    twin,
};

/// How long a leaf may be, in bytes.
const LIMIT: usize = 64;

static NOTHING: Interest<()> = Interest::NONE;

/// All that a table can ask for: leaves, objects with their keys, lists, and objects as leaves.
static TABLE: Interest<u8> = Interest {
    object: Some(0),
    members: &[
        ("id", Interest { leaf: Some(1), ..Interest::NONE }),
        ("params", Interest { leaf: Some(2), object: Some(3), members: INNER, ..Interest::NONE }),
        ("result", Interest { elements: Some(&LISTED), members: INNER, ..Interest::NONE }),
        ("data", Interest { whole: Some(4), ..Interest::NONE }),
    ],
    ..Interest::NONE
};
const INNER: &[(&str, Interest<u8>)] = &[
    ("name", Interest { leaf: Some(5), ..Interest::NONE }),
    ("content", Interest { elements: Some(&LISTED), ..Interest::NONE }),
];
static LISTED: Interest<u8> = Interest {
    leaf: Some(6),
    object: Some(7),
    members: &[("type", Interest { leaf: Some(8), ..Interest::NONE })],
    ..Interest::NONE
};

/// What was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Leaf(u8, String, u64),
    Begin(u8),
    Key(u8, Option<String>),
    End(u8, u64),
}

#[derive(Default)]
struct Notes {
    told: Vec<Told>,
    /// Whether a leaf was too long to be told: only of one in pieces.
    oversized: bool,
}

impl Visit<u8> for Notes {
    fn leaf(&mut self, leaf: Leaf<'_, u8>) {
        self.told.push(Told::Leaf(leaf.tag, leaf.raw.to_owned(), leaf.at));
    }

    fn oversized(&mut self, _: u8) {
        self.oversized = true;
    }

    fn begin(&mut self, tag: u8) {
        self.told.push(Told::Begin(tag));
    }

    fn key(&mut self, object: u8, key: Option<&str>) {
        self.told.push(Told::Key(object, key.map(str::to_owned)));
    }

    fn end(&mut self, tag: u8, at: u64) {
        self.told.push(Told::End(tag, at));
    }
}

/// Changes each second leaf, by its length.
struct Even;

impl Edit<u8> for Even {
    fn leaf(&mut self, leaf: Leaf<'_, u8>) -> Decision {
        if leaf.raw.len().is_multiple_of(2) {
            Decision::Replace(b"\"changed\"".to_vec())
        } else {
            Decision::Keep
        }
    }
}

/// The first byte says how the rest is cut, which is read as JSON.
///
/// # Panics
///
/// Where a promise does not hold.
pub fn json(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let pieces = cut(*how, bytes);
    twin::hold(bytes);
    let text = std::str::from_utf8(bytes).ok();
    let raw = text.and_then(Raw::read);
    against_serde(text, raw);

    let is_read = raw.is_some_and(|raw| raw.is_object() || raw.get().starts_with('['));
    for pieces in [&[bytes][..], &pieces] {
        let mut stream = Stream::new(&NOTHING, 0, Skipping::Strict);
        for piece in pieces {
            stream.feed(piece, &mut Unwatched);
        }
        assert_eq!(matches!(stream.status(), Status::Ended(_)), is_read, "strictly, in pieces");
    }
    for skipping in [Skipping::Trusting, Skipping::Strict] {
        let whole = told([bytes], skipping);
        let cut = told(pieces.iter().copied(), skipping);
        assert_eq!((&whole.0.told, whole.1), (&cut.0.told, cut.1), "in pieces: {skipping:?}");
        if let Some(raw) = raw.filter(|raw| raw.is_object()) {
            assert!(matches!(whole.1, Status::Ended(_)), "{whole:?}", whole = whole.1);
            against_whole(raw, text.unwrap_or_default(), &whole.0);
        }
        edited(bytes, &pieces, skipping, raw.is_some_and(Raw::is_object));
    }
}

fn told<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, skipping: Skipping) -> (Notes, Status) {
    let (mut stream, mut notes) = (Stream::new(&TABLE, LIMIT, skipping), Notes::default());
    for piece in pieces {
        stream.feed(piece, &mut notes);
        // A leaf, an object that is one, a key, and bits for the depth: growing, each up to twice.
        assert!(stream.held() <= 4 * LIMIT + 4 * 1024 + piece.len() / 8 + 64 + open(&stream));
    }
    (notes, stream.status())
}

/// A bit for each byte at most: they may all be brackets.
fn open(stream: &Stream<u8>) -> usize {
    usize::try_from(stream.offset()).unwrap_or(usize::MAX) / 4
}

fn against_serde(text: Option<&str>, raw: Option<Raw<'_>>) {
    let Some(text) = text else { return };
    // It has a limit of depth, and reads numbers, which may be too large for it.
    let known = serde_json::from_str::<&RawValue>(text);
    match (known, raw) {
        (Ok(known), Some(raw)) => assert_eq!(known.get(), raw.get()),
        (Ok(_), None) => panic!("serde_json reads what is refused"),
        (Err(error), Some(_)) => {
            let text = error.to_string();
            // Half of a surrogate pair is no text, but JSON.
            let stricter = ["recursion", "surrogate", "hex escape", "out of range"];
            assert!(stricter.iter().any(|it| text.contains(it)), "{error}");
        }
        (Err(_), None) => {}
    }
    if let Some(raw) = raw.filter(|raw| raw.is_string()) {
        let known = serde_json::from_str::<String>(raw.get()).ok();
        assert_eq!(decode(raw.get()).as_deref(), known.as_deref(), "a string's text");
        if let Some(text) = known {
            assert_eq!(decode(&encode(&text)).as_deref(), Some(&*text), "written and read again");
        }
    }
}

/// What is told of a document that is there as a whole is what is told of one in pieces.
fn against_whole(raw: Raw<'_>, text: &str, cut: &Notes) {
    let mut whole = Notes::default();
    let read = Scan::whole(text, |scan| scan.visit(&TABLE, &mut whole));
    assert!(read.is_ok(), "{}", raw.get());
    whole.told.retain(|told| !matches!(told, Told::Leaf(_, text, _) if text.len() > LIMIT));
    assert_eq!(whole.told, cut.told, "as a whole");
}

/// The same leaves change in a document that is there as a whole and in one in pieces.
fn edited(bytes: &[u8], pieces: &[&[u8]], skipping: Skipping, is_object: bool) {
    let run = |pieces: &[&[u8]]| {
        let mut editor = Editor::new(&TABLE, LIMIT, skipping);
        let mut all = Vec::new();
        for piece in pieces {
            let mut out = Vec::new();
            match editor.feed(piece, &mut Even, &mut out) {
                Passed::AsIs => all.extend_from_slice(piece),
                Passed::Changed => all.extend(out),
            }
        }
        let skipped = editor.skipped();
        all.extend(editor.finish());
        (all, skipped)
    };
    let (cut, skipped) = run(pieces);
    assert_eq!((&cut, skipped), (&run(&[bytes]).0, skipped), "edited in pieces: {skipping:?}");
    if is_object && skipped == 0 {
        let mut edits = Edits::of(bytes);
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let applied = edits.apply(&mut Scan::new(text), &TABLE, &mut Even);
        assert!(applied.is_ok());
        assert_eq!(edits.finish().unwrap_or_else(|| bytes.to_vec()), cut, "edited as a whole");
    }
}
