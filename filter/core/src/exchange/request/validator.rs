//! What is read of a large request while it goes by: what it takes to know its owner, and whether it
//! says anything twice. Nobody may take it for another request than the gateway did, so the rules are
//! those of a request that is read whole.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::json::{Interest, Leaf, Visit, decode, imitated};
use crate::mcp::fields::RELATED_TASK;
use crate::mcp::jsonrpc::{ENVELOPE, Id};
use crate::mcp::method::{self, NamedBy, Row};

/// How many unknown keys of an object are told apart; those that the gateway knows always are.
const KEYS: usize = 4096;

/// The keys of `params` that name what a request is about, and those of a reference.
const NAMES: [&str; 4] = ["name", "uri", "taskId", "ref"];
const REFERENCE: [&str; 3] = ["type", "name", "uri"];

/// What is of interest in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Envelope,
    Version,
    Id,
    Method,
    Params,
    /// One of [`NAMES`], but for the last.
    Name(&'static str),
    Reference,
    /// One of [`REFERENCE`].
    Referred(&'static str),
    Meta,
    Related,
    Task,
}

const fn leaf(tag: Tag) -> Interest<Tag> {
    Interest { leaf: Some(tag), ..Interest::NONE }
}

const fn object(tag: Tag, members: &'static [(&'static str, Interest<Tag>)]) -> Interest<Tag> {
    Interest { object: Some(tag), members, ..Interest::NONE }
}

const PARAMS: &[(&str, Interest<Tag>)] = &[
    ("name", leaf(Tag::Name("name"))),
    ("uri", leaf(Tag::Name("uri"))),
    ("taskId", leaf(Tag::Name("taskId"))),
    ("ref", object(Tag::Reference, REFERRED)),
    ("_meta", object(Tag::Meta, &[(RELATED_TASK, object(Tag::Related, TASK))])),
];
const TASK: &[(&str, Interest<Tag>)] = &[("taskId", leaf(Tag::Task))];
const REFERRED: &[(&str, Interest<Tag>)] = &[
    ("type", leaf(Tag::Referred("type"))),
    ("name", leaf(Tag::Referred("name"))),
    ("uri", leaf(Tag::Referred("uri"))),
];

/// A request.
pub(crate) static REQUEST: Interest<Tag> = object(
    Tag::Envelope,
    &[
        ("jsonrpc", leaf(Tag::Version)),
        ("id", leaf(Tag::Id)),
        ("method", leaf(Tag::Method)),
        ("params", object(Tag::Params, PARAMS)),
    ],
);

/// What was seen of a request.
#[derive(Debug, Default)]
pub(crate) struct RequestValidator {
    pub(crate) id: Option<Id<'static>>,
    /// Where its method stands in the routing table.
    pub(crate) row: Option<&'static Row>,
    version: bool,
    /// What `params` and its reference name things by, in JSON.
    names: Vec<(Tag, String)>,
    /// Whether the reference is complete.
    referred: bool,
    envelope: Keys,
    params: Keys,
    reference: Keys,
    meta: Keys,
    related: Keys,
    /// Which of [`NAMES`] stand in `params` in other letters.
    imitated: BTreeSet<&'static str>,
    fault: Option<&'static str>,
    /// Whether something in `_meta` is repeated: no task is taken from it then.
    pub(crate) unclear: bool,
}

/// The keys of an object, by their hashes.
#[derive(Debug, Default)]
struct Keys(BTreeSet<u64>);

impl Keys {
    /// About how many bytes of memory they take; the nodes of a tree may be half empty.
    fn held(&self) -> usize {
        self.0.len() * 2 * size_of::<u64>()
    }

    /// Whether a key stands there for the second time.
    fn repeats(&mut self, key: &str, known: bool) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        if known || self.0.len() < KEYS { !self.0.insert(hash) } else { self.0.contains(&hash) }
    }
}

impl RequestValidator {
    /// How many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        let Self { envelope, params, reference, meta, related, names, .. } = self;
        let keys: usize = [envelope, params, reference, meta, related].map(Keys::held).iter().sum();
        keys + names.iter().map(|(_, raw)| raw.capacity()).sum::<usize>()
    }

    /// Why this is no request, as far as it was seen.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let imitated = match self.row.and_then(Row::key) {
            Some(NamedBy::Name(_)) => self.imitated.contains("name"),
            Some(NamedBy::Uri) => self.imitated.contains("uri"),
            Some(NamedBy::Task) => self.imitated.contains("taskId"),
            Some(NamedBy::Reference) => self.imitated.contains("ref"),
            None => false,
        };
        let imitated = imitated.then_some("a member of `params` is repeated in other letters");
        self.fault.or(imitated)
    }

    /// Why this is no request, now that it is complete.
    pub(crate) fn incomplete(&self) -> Option<&'static str> {
        match (self.version, &self.id) {
            (false, _) => Some(VERSION),
            (true, None) => Some(ID),
            (true, Some(_)) => None,
        }
    }

    /// The `params` that name the thing that a request is about, and nothing else, if all of that was
    /// seen; and what the name is told as.
    pub(crate) fn named(&self, key: NamedBy) -> Option<(String, Tag)> {
        let tag = match key {
            NamedBy::Name(_) => Tag::Name("name"),
            NamedBy::Uri => Tag::Name("uri"),
            NamedBy::Task => Tag::Name("taskId"),
            NamedBy::Reference => return self.reference(),
        };
        let Tag::Name(key) = tag else { return None };
        Some((format!(r#"{{"{key}":{}}}"#, self.text(tag)?), tag))
    }

    fn reference(&self) -> Option<(String, Tag)> {
        let kind = self.text(Tag::Referred("type")).filter(|_| self.referred)?;
        let key = if decode(kind)? == "ref/prompt" { "name" } else { "uri" };
        let tag = Tag::Referred(key);
        let name = self.text(tag)?;
        Some((format!(r#"{{"ref":{{"type":{kind},"{key}":{name}}}}}"#), tag))
    }

    fn text(&self, tag: Tag) -> Option<&str> {
        self.names.iter().find(|(it, _)| *it == tag).map(|(_, raw)| raw.as_str())
    }

    fn blame(&mut self, why: &'static str) {
        self.fault = self.fault.or(Some(why));
    }
}

const VERSION: &str = "`jsonrpc` must be \"2.0\"";
const ID: &str = "`id` must be a string or an integer, of at most 1024 bytes";

impl Visit<Tag> for RequestValidator {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) {
        match leaf.tag {
            Tag::Version if decode(leaf.raw).as_deref() == Some("2.0") => self.version = true,
            Tag::Version => self.blame(VERSION),
            Tag::Id => match Id::from_raw(leaf.raw) {
                Some(id) => self.id = Some(id.into_owned()),
                None => self.blame(ID),
            },
            Tag::Method => self.row = decode(leaf.raw).and_then(|method| method::row_of(&method)),
            // Each stands there once, or there is a fault.
            Tag::Name(_) | Tag::Referred(_) if self.text(leaf.tag).is_none() => {
                self.names.push((leaf.tag, leaf.raw.to_owned()));
            }
            _ => {}
        }
    }

    fn oversized(&mut self, tag: Tag) {
        match tag {
            Tag::Id => self.blame(ID),
            Tag::Version => self.blame(VERSION),
            _ => {}
        }
    }

    fn key(&mut self, object: Tag, key: Option<&str>) {
        // One that is too long is none that the gateway knows.
        let Some(key) = key else { return };
        match object {
            Tag::Envelope => {
                if self.envelope.repeats(key, ENVELOPE.contains(&key)) {
                    self.blame("a member of the envelope is repeated");
                } else if imitated(key, &ENVELOPE).is_some() {
                    self.blame("a member of the envelope is repeated in other letters");
                } else if matches!(key, "result" | "error") {
                    self.blame("expected either `method`, or one of `result` and `error`");
                }
            }
            Tag::Params => {
                if self.params.repeats(key, NAMES.contains(&key) || key == "_meta") {
                    self.blame("a key of `params` is repeated");
                }
                self.imitated.extend(imitated(key, &NAMES));
            }
            Tag::Reference => {
                let repeats = self.reference.repeats(key, REFERENCE.contains(&key));
                if repeats || imitated(key, &REFERENCE).is_some() {
                    self.blame("a member of `ref` is repeated");
                }
            }
            Tag::Meta => self.unclear |= self.meta.repeats(key, key == RELATED_TASK),
            Tag::Related => self.unclear |= self.related.repeats(key, key == "taskId"),
            _ => {}
        }
    }

    fn end(&mut self, tag: Tag, _: u64) {
        self.referred |= tag == Tag::Reference;
    }
}
