//! The rules of a message's envelope, however its members arrive: of a text that is there as a whole, or
//! of one that streams. Nobody may take a message for another one than the gateway did.

use super::Id;
use crate::json::{Keys, decode, imitated};

/// The members that a message may have.
pub(crate) const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

const ID: usize = 1;
const METHOD: usize = 2;
const PARAMS: usize = 3;
const RESULT: usize = 4;
const ERROR: usize = 5;

const REPEATED: &str = "a member of the envelope is repeated";
const IMITATED: &str = "a member of the envelope is repeated in other letters";
const NO_VERSION: &str = "`jsonrpc` must be \"2.0\"";
const NO_METHOD: &str = "`method` must be a string";
const NO_ID: &str = "`id` must be a string or an integer, of at most 1024 bytes";
pub(super) const NEITHER: &str = "expected either `method`, or one of `result` and `error`";

/// What an envelope is that of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Notification,
    Response,
}

/// What was seen of an envelope.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    keys: Keys,
    /// The first of its members that says something twice, and how.
    invalid: Option<&'static str>,
    version: bool,
    /// Whether the method is a string.
    method: bool,
    id: IdSeen,
}

/// What was seen of the id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum IdSeen {
    /// None that a request may have.
    #[default]
    Unusable,
    Usable,
    Repeated,
}

impl Envelope {
    /// Takes the next key; its place in [`ENVELOPE`], if it has one.
    pub(crate) fn key(&mut self, key: &str) -> Option<usize> {
        let at = ENVELOPE.iter().position(|name| *name == key);
        let repeats = match at {
            Some(at) => self.keys.repeats_known(at),
            None => self.keys.repeats_unknown(key),
        };
        let why = if repeats {
            if at == Some(ID) {
                self.id = IdSeen::Repeated;
            }
            Some(REPEATED)
        } else {
            // There are readers that do not look at the case of letters.
            let imitates = at.is_none() && imitated(key, &ENVELOPE).is_some();
            imitates.then_some(IMITATED)
        };
        self.invalid = self.invalid.or(why);
        at
    }

    /// Takes the JSON text of `jsonrpc`.
    pub(crate) fn version(&mut self, raw: &str) {
        self.version = decode(raw).as_deref() == Some("2.0");
    }

    /// Takes the JSON text of `id`.
    pub(crate) fn id(&mut self, raw: &str) {
        if self.id != IdSeen::Repeated && Id::from_raw(raw).is_some() {
            self.id = IdSeen::Usable;
        }
    }

    /// Takes `method`, if it is a string.
    pub(crate) fn method(&mut self) {
        self.method = true;
    }

    /// Why this is no message, whatever follows.
    pub(crate) const fn invalid(&self) -> Option<&'static str> {
        self.invalid
    }

    /// Whether there is more than one id, so that none can be echoed.
    pub(crate) fn is_id_repeated(&self) -> bool {
        self.id == IdSeen::Repeated
    }

    pub(crate) const fn has_params(&self) -> bool {
        self.keys.has(PARAMS)
    }

    /// Whether this is a response so far: it has a result or an error, and no method.
    pub(crate) const fn responds(&self) -> bool {
        (self.keys.has(RESULT) || self.keys.has(ERROR)) && !self.keys.has(METHOD)
    }

    /// Whether it has more than one of a method, a result and an error.
    pub(crate) const fn is_ambiguous(&self) -> bool {
        self.keys.has(METHOD) as u8 + self.keys.has(RESULT) as u8 + self.keys.has(ERROR) as u8 > 1
    }

    /// What it is that of, now that it is complete.
    ///
    /// # Errors
    ///
    /// Why it is no message.
    pub(crate) fn finish(&self) -> Result<Kind, &'static str> {
        if let Some(why) = self.invalid {
            return Err(why);
        }
        if !self.version {
            return Err(NO_VERSION);
        }
        let one = !self.is_ambiguous();
        match (self.responds(), self.keys.has(METHOD), self.keys.has(ID)) {
            (true, ..) if one => Ok(Kind::Response),
            (_, true, _) if one && !self.method => Err(NO_METHOD),
            (_, true, true) if one && self.id != IdSeen::Usable => Err(NO_ID),
            (_, true, true) if one => Ok(Kind::Request),
            (_, true, false) if one => Ok(Kind::Notification),
            _ => Err(NEITHER),
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        self.keys.held()
    }
}
