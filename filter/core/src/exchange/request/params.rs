//! What `params` of a request name, and whether they say it once, however they are read.

use std::ops::Range;

use crate::error::ClientError;
use crate::json::{Keys, Leaf, imitated};
use crate::mcp::fields::{
    META_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL, META_REVISION, NAMES, REFERENCE,
    RELATED_TASK, RequestField,
};
use crate::mcp::method::NamedBy;

const REPEATED: &str = "a key of `params` is repeated";
const IMITATED: &str = "a member of `params` is repeated in other letters";
const NO_REFERENCE: &str = "`ref` must be a reference";

/// Keys that many requests have, beside [`NAMES`].
const KNOWN: [&str; 11] = [
    NAMES[0],
    NAMES[1],
    NAMES[2],
    NAMES[3],
    "_meta",
    "arguments",
    "argument",
    "context",
    "cursor",
    "task",
    STATE,
];

/// What comes back of a result that is not complete (2026-07-28, Multi Round-Trip Requests).
const STATE: &str = "requestState";

/// Keys of `_meta` that matter, and one that many requests have.
const META: [&str; 6] = [
    RELATED_TASK,
    META_REVISION,
    META_CLIENT_INFO,
    META_CAPABILITIES,
    META_LOG_LEVEL,
    "progressToken",
];

/// Where a value stands in the request's body.
type Place = Option<Range<usize>>;

/// What was seen of `params`.
#[derive(Debug, Default)]
pub(crate) struct Params {
    is_object: bool,
    keys: Keys,
    repeated: bool,
    /// Which of [`NAMES`] stand there in other letters, too: some readers take one for the other.
    imitated: [bool; NAMES.len()],
    name: Place,
    uri: Place,
    task_id: Place,
    reference: Reference,
    meta: Meta,
}

/// What was seen of `ref`.
#[derive(Debug, Default)]
struct Reference {
    keys: Keys,
    repeated: bool,
    /// Whether a member is there in other letters, too.
    imitated: bool,
    complete: bool,
    kind: Place,
    name: Place,
    uri: Place,
}

/// What was seen of `_meta`.
#[derive(Debug, Default)]
struct Meta {
    keys: Keys,
    related: Keys,
    /// Whether it has begun and not ended.
    open: bool,
    /// Whether a key is repeated.
    repeated: bool,
    /// Whether something in it is repeated: no task is taken from it then.
    unclear: bool,
    task_id: Place,
    revision: Place,
    client_info: Place,
    capabilities: Place,
    log_level: Place,
    trace_parent: Place,
    trace_state: Place,
}

impl Params {
    /// Takes a leaf. Each stands there once, or the request is refused.
    pub(crate) fn leaf(&mut self, leaf: Leaf<'_, RequestField>) {
        let place = match leaf.tag {
            RequestField::Name => &mut self.name,
            RequestField::Uri => &mut self.uri,
            RequestField::TaskId => &mut self.task_id,
            RequestField::ReferenceType => &mut self.reference.kind,
            RequestField::ReferenceName => &mut self.reference.name,
            RequestField::ReferenceUri => &mut self.reference.uri,
            RequestField::RelatedTaskId => &mut self.meta.task_id,
            RequestField::Revision => &mut self.meta.revision,
            RequestField::ClientInfo => &mut self.meta.client_info,
            RequestField::ClientCapabilities => &mut self.meta.capabilities,
            RequestField::LogLevel => &mut self.meta.log_level,
            RequestField::TraceParent => &mut self.meta.trace_parent,
            RequestField::TraceState => &mut self.meta.trace_state,
            _ => return,
        };
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        *place = Some(offset(leaf.at)..offset(leaf.end()));
    }

    /// Takes a key of `params` or of an object in them.
    pub(crate) fn key(&mut self, object: RequestField, key: &str) {
        let Self { reference, meta, .. } = self;
        match object {
            RequestField::Params => {
                self.repeated |= self.keys.repeats(key, &KNOWN);
                if let Some(name) = imitated(key, &NAMES) {
                    for (imitated, known) in self.imitated.iter_mut().zip(NAMES) {
                        *imitated |= known == name;
                    }
                }
            }
            RequestField::Reference => {
                reference.repeated |= reference.keys.repeats(key, &REFERENCE);
                reference.imitated |= imitated(key, &REFERENCE).is_some();
            }
            RequestField::Meta => {
                meta.repeated |= meta.keys.repeats(key, &META);
                meta.unclear |= meta.repeated;
            }
            RequestField::RelatedTask => meta.unclear |= meta.related.repeats(key, &["taskId"]),
            _ => {}
        }
    }

    pub(crate) fn begin(&mut self, object: RequestField) {
        self.is_object |= object == RequestField::Params;
        self.meta.open |= object == RequestField::Meta;
    }

    pub(crate) fn end(&mut self, object: RequestField) {
        self.reference.complete |= object == RequestField::Reference;
        self.meta.open &= object != RequestField::Meta;
    }

    /// These, if the request `has_params`.
    ///
    /// # Errors
    ///
    /// Params that are no object, or say something twice.
    pub(crate) fn of_request(&self, has_params: bool) -> Result<Option<&Self>, ClientError> {
        match (has_params, self.is_object) {
            (false, _) => Ok(None),
            (true, true) if self.repeated => Err(ClientError::NotJsonRpc(REPEATED)),
            (true, true) => Ok(Some(self)),
            (true, false) => Err(ClientError::Params("`params` must be an object".to_owned())),
        }
    }

    /// These, as a request of the stateless era has them: what is no object has no `_meta`, as if there were
    /// none.
    ///
    /// # Errors
    ///
    /// Params that say something twice.
    pub(crate) fn of_declaring(&self, has_params: bool) -> Result<Option<&Self>, ClientError> {
        if self.is_object { self.of_request(has_params) } else { Ok(None) }
    }

    /// Whether a request that names its object by `key` says it once.
    ///
    /// # Errors
    ///
    /// What is there twice.
    pub(crate) fn check(&self, key: NamedBy) -> Result<(), ClientError> {
        let [name, uri, task, reference] = self.imitated;
        let imitated = match key {
            NamedBy::Name(_) => name,
            NamedBy::Uri => uri,
            NamedBy::Task => task,
            NamedBy::Reference => self.reference.imitated,
        };
        let referred = key != NamedBy::Reference || !reference && !self.reference.repeated;
        match (self.repeated, referred, imitated) {
            (true, ..) => Err(ClientError::NotJsonRpc(REPEATED)),
            (false, false, _) => Err(no_reference()),
            (false, true, true) => Err(ClientError::NotJsonRpc(IMITATED)),
            (false, true, false) => Ok(()),
        }
    }

    /// Whether all that names the object has come.
    pub(crate) const fn is_named(&self, key: NamedBy) -> bool {
        match key {
            NamedBy::Name(_) => self.name.is_some(),
            NamedBy::Uri => self.uri.is_some(),
            NamedBy::Task => self.task_id.is_some(),
            NamedBy::Reference => self.reference.complete,
        }
    }

    /// Whether `_meta` says which revision the request speaks.
    pub(crate) fn is_enveloped(&self) -> bool {
        self.meta_has(META_REVISION)
    }

    /// Whether `key`, one of those that matter, is in `_meta`, whatever its value.
    pub(crate) fn meta_has(&self, key: &str) -> bool {
        META.iter().position(|name| *name == key).is_some_and(|at| self.meta.keys.has(at))
    }

    /// Whether a key of `_meta` is repeated, so that it says nothing of the client.
    pub(crate) const fn is_meta_repeated(&self) -> bool {
        self.meta.repeated
    }

    /// Whether `_meta` has begun and not ended.
    pub(crate) const fn is_in_meta(&self) -> bool {
        self.meta.open
    }

    /// Whether something in `_meta` is repeated, so that it names no task.
    pub(crate) const fn is_unclear(&self) -> bool {
        self.meta.unclear
    }

    /// Whether `key`, one of [`NAMES`], is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        NAMES.iter().position(|name| *name == key).is_some_and(|at| self.keys.has(at))
    }

    /// Whether there is a `requestState`, whatever its value.
    pub(crate) fn has_state(&self) -> bool {
        KNOWN.iter().position(|name| *name == STATE).is_some_and(|at| self.keys.has(at))
    }

    /// Whether `key`, one of [`REFERENCE`], is in the reference, whatever its value.
    pub(crate) fn reference_has(&self, key: &str) -> bool {
        REFERENCE.iter().position(|name| *name == key).is_some_and(|at| self.reference.keys.has(at))
    }

    /// The JSON text of a string, a number or a literal in `body`, which these are the params of.
    pub(crate) fn text<'b>(&self, body: &'b [u8], field: RequestField) -> Option<&'b str> {
        std::str::from_utf8(body.get(self.place(field)?)?).ok()
    }

    /// The same in a message that is known to be text.
    pub(crate) fn within<'t>(&self, text: &'t str, field: RequestField) -> Option<&'t str> {
        text.get(self.place(field)?)
    }

    fn place(&self, field: RequestField) -> Place {
        let place = match field {
            RequestField::Name => &self.name,
            RequestField::Uri => &self.uri,
            RequestField::TaskId => &self.task_id,
            RequestField::ReferenceType => &self.reference.kind,
            RequestField::ReferenceName => &self.reference.name,
            RequestField::ReferenceUri => &self.reference.uri,
            RequestField::RelatedTaskId if !self.meta.unclear => &self.meta.task_id,
            RequestField::Revision => &self.meta.revision,
            RequestField::ClientInfo => &self.meta.client_info,
            RequestField::ClientCapabilities => &self.meta.capabilities,
            RequestField::LogLevel => &self.meta.log_level,
            RequestField::TraceParent => &self.meta.trace_parent,
            RequestField::TraceState => &self.meta.trace_state,
            _ => &None,
        };
        place.clone()
    }

    /// About how many bytes of memory they take.
    pub(crate) fn held(&self) -> usize {
        let Self { keys, reference, meta, .. } = self;
        [keys, &reference.keys, &meta.keys, &meta.related].map(Keys::held).iter().sum()
    }
}

/// What stands as `ref` is no reference, or several.
pub(crate) fn no_reference() -> ClientError {
    ClientError::Params(NO_REFERENCE.to_owned())
}
