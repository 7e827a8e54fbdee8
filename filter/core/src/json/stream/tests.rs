//! Against `serde_json`, on documents and cuts of every kind.

mod documents;
mod editing;
mod example;
mod limits;
mod strict;

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;
use crate::chance::Chance;
use crate::json::Scan;
use documents::document;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Envelope,
    Id,
    Params,
    Name,
    Task,
    Item,
    Kind,
    Uri,
    Inner,
}

const fn leaf(tag: Tag) -> Interest<Tag> {
    Interest { leaf: Some(tag), ..Interest::NONE }
}

static ITEM: Interest<Tag> = Interest { members: ITEM_MEMBERS, ..watched(Tag::Item) };
const ITEM_MEMBERS: &[(&str, Interest<Tag>)] = &[
    ("type", leaf(Tag::Kind)),
    ("uri", leaf(Tag::Uri)),
    ("resource", Interest { members: &[("uri", leaf(Tag::Inner))], ..Interest::NONE }),
];

const fn watched(tag: Tag) -> Interest<Tag> {
    Interest { object: Some(tag), ..Interest::NONE }
}

static TABLE: Interest<Tag> = Interest {
    members: &[
        ("id", leaf(Tag::Id)),
        (
            "params",
            Interest {
                // A value and an object in its place.
                leaf: Some(Tag::Params),
                members: &[
                    ("name", leaf(Tag::Name)),
                    (
                        "_meta",
                        Interest {
                            members: &[(
                                "io.modelcontextprotocol/related-task",
                                Interest {
                                    members: &[("taskId", leaf(Tag::Task))],
                                    ..Interest::NONE
                                },
                            )],
                            ..Interest::NONE
                        },
                    ),
                    (
                        // One item, or a list of them.
                        "content",
                        Interest {
                            members: ITEM_MEMBERS,
                            elements: Some(&ITEM),
                            ..watched(Tag::Item)
                        },
                    ),
                ],
                ..watched(Tag::Params)
            },
        ),
    ],
    ..watched(Tag::Envelope)
};

/// Everything that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Report {
    Leaf(Tag, String, u64),
    Oversized(Tag),
    Begin(Tag),
    Key(Tag, Option<String>),
    End(Tag, u64),
}

#[derive(Default)]
struct Notes(Vec<Report>);

impl Visit<Tag> for Notes {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) {
        self.0.push(Report::Leaf(leaf.tag, leaf.raw.to_owned(), leaf.at));
    }

    fn oversized(&mut self, tag: Tag) {
        self.0.push(Report::Oversized(tag));
    }

    fn begin(&mut self, tag: Tag) {
        self.0.push(Report::Begin(tag));
    }

    fn key(&mut self, object: Tag, key: Option<&str>) {
        self.0.push(Report::Key(object, key.map(str::to_owned)));
    }

    fn end(&mut self, tag: Tag, at: u64) {
        self.0.push(Report::End(tag, at));
    }
}

/// The members of an object in their order, as `serde_json` reads them.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Pairs<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        input.deserialize_map(Read)
    }
}

fn pairs(raw: &str) -> Vec<(String, &RawValue)> {
    serde_json::from_str::<Pairs<'_>>(raw).unwrap().0
}

fn place(whole: &str, part: &str) -> Range<usize> {
    super::super::range_in(whole.as_bytes(), part).unwrap()
}

/// What should be told of a value, by `serde_json`.
fn expected(whole: &str, raw: &str, interest: &'static Interest<Tag>, limit: usize) -> Vec<Report> {
    let mut out = Vec::new();
    let at = place(whole, raw);
    let inner = |raw: &RawValue, it: Option<&'static Interest<Tag>>| {
        it.map_or_else(Vec::new, |it| expected(whole, raw.get(), it, limit))
    };
    if raw.starts_with('{') {
        out.extend(interest.object.map(Report::Begin));
        for (key, value) in pairs(raw) {
            let member = interest.member(&key);
            out.extend(interest.object.map(|tag| Report::Key(tag, Some(key))));
            out.extend(inner(value, member));
        }
        out.extend(interest.object.map(|tag| Report::End(tag, at.end as u64)));
    } else if raw.starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(raw).unwrap();
        out.extend(elements.into_iter().flat_map(|element| inner(element, interest.elements)));
    } else if let Some(tag) = interest.leaf {
        let told = Report::Leaf(tag, raw.to_owned(), at.start as u64);
        out.push(if raw.len() > limit { Report::Oversized(tag) } else { told });
    }
    out
}

/// What is told of a document in these pieces, and how it ends.
fn walk<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limit: usize) -> (Vec<Report>, Status) {
    let (mut stream, mut notes) =
        (Stream::new(&TABLE, limit, Skipping::Trusting), Notes::default());
    let mut state = Status::Open;
    for piece in pieces {
        state = stream.feed(piece, &mut notes);
    }
    (notes.0, state)
}

/// Cuts bytes at random; some pieces are empty.
fn cut<'b>(chance: &mut Chance, bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let longest = chance.pick(&[2, 4, 20, 300]);
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(chance.below(longest).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// What is told of a document that is there as a whole.
fn visited(text: &str) -> Vec<Report> {
    let mut notes = Notes::default();
    Scan::whole(text, |scan| scan.visit(&TABLE, &mut notes)).unwrap();
    notes.0
}

#[test]
fn the_same_is_told_as_serde_json_finds_however_a_document_is_cut() {
    let mut told = 0;
    for seed in 0..2000 {
        let mut chance = Chance::new(seed);
        let text = document(&mut chance);
        let limit = chance.pick(&[0, 3, 12, 1000]);
        let root = text.trim_matches([' ', '\n', '\t', '\r']);
        let wanted = expected(&text, root, &TABLE, limit);
        told += wanted.len();
        let ended = Status::Ended(place(&text, root).end as u64);
        if limit == 1000 {
            assert_eq!(visited(&text), wanted, "{text}");
        }
        assert_eq!(walk([text.as_bytes()], limit), (wanted.clone(), ended), "{text}");
        assert_eq!(walk(text.as_bytes().chunks(1), limit), (wanted.clone(), ended), "{text}");
        let pieces = cut(&mut chance, text.as_bytes());
        assert_eq!(walk(pieces, limit), (wanted, ended), "{text}");
    }
    assert!(told > 10_000, "{told} things are too few to mean anything");
}

#[test]
fn escaped_keys_count_and_so_do_repeated_ones() {
    let text =
        r#"{"\u0069d":1,"id" : "2","par\u0061ms":{"n\u0061me":"\u0065","NAME":2,"name":{}}}"#;
    let (told, _) = walk([text.as_bytes()], 100);
    let key = |tag, key: &str| Report::Key(tag, Some(key.to_owned()));
    let wanted = [
        Report::Begin(Tag::Envelope),
        key(Tag::Envelope, "id"),
        Report::Leaf(Tag::Id, "1".to_owned(), 11),
        key(Tag::Envelope, "id"),
        Report::Leaf(Tag::Id, r#""2""#.to_owned(), 20),
        key(Tag::Envelope, "params"),
        Report::Begin(Tag::Params),
        key(Tag::Params, "name"),
        Report::Leaf(Tag::Name, r#""\u0065""#.to_owned(), 51),
        key(Tag::Params, "NAME"),
        key(Tag::Params, "name"),
        Report::End(Tag::Params, text.len() as u64 - 1),
        Report::End(Tag::Envelope, text.len() as u64),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn what_is_behind_the_document_is_only_counted() {
    let (mut stream, mut notes) = (Stream::new(&TABLE, 100, Skipping::Trusting), Notes::default());
    assert_eq!(stream.feed(b" {} {", &mut notes), Status::Ended(3));
    assert_eq!(stream.feed(b"\"id\":1}", &mut notes), Status::Ended(3));
    assert_eq!((stream.offset(), notes.0.len()), (12, 2));
}
