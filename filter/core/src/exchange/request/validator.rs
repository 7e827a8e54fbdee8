//! What makes a client's message valid, whether it is held or streams. It has to say everything once, so that
//! nobody can take it for another message than the gateway did.

use std::ops::Range;

use crate::error::ClientError;
use crate::exchange::request::params::Params;
use crate::json::{Leaf, Visit, decode};
use crate::mcp::fields::RequestField;
use crate::mcp::jsonrpc::{Envelope, Id, Kind};
use crate::mcp::method::{self, Row};

/// What was seen of a message.
#[derive(Debug, Default)]
pub(crate) struct RequestValidator {
    pub(super) envelope: Envelope,
    pub(super) is_object: bool,
    pub(super) id: Option<Id<'static>>,
    /// Where its method stands in the routing table.
    pub(crate) row: Option<&'static Row>,
    /// Where that stands in the message.
    pub(super) method: Option<Range<usize>>,
    pub(crate) params: Params,
}

impl RequestValidator {
    /// About how many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        self.envelope.held() + self.params.held()
    }

    /// Its id, as far as it is known and clear.
    pub(crate) fn id(&self) -> Option<&Id<'static>> {
        self.id.as_ref().filter(|_| !self.envelope.is_id_repeated())
    }

    /// What this is, now that it is complete. A request is about one thing.
    ///
    /// # Errors
    ///
    /// Why it is no message.
    pub(crate) fn finish(&self) -> Result<Kind, ClientError> {
        let kind = self.envelope.finish().map_err(ClientError::NotJsonRpc)?;
        if kind == Kind::Request {
            self.check_params()?;
        }
        Ok(kind)
    }

    /// Whether it may still be one, whatever follows.
    pub(crate) fn may_be_valid(&self) -> bool {
        self.envelope.invalid().is_none() && self.check_params().is_ok()
    }

    /// Whether it says once what it is about.
    ///
    /// # Errors
    ///
    /// What is there twice.
    pub(super) fn check_params(&self) -> Result<(), ClientError> {
        self.row.and_then(Row::key).map_or(Ok(()), |key| self.params.check(key))
    }
}

impl Visit<RequestField> for RequestValidator {
    fn leaf(&mut self, leaf: Leaf<'_, RequestField>) {
        match leaf.tag {
            RequestField::Version => self.envelope.version(leaf.raw),
            RequestField::Id => {
                self.envelope.id(leaf.raw);
                self.id = Id::from_raw(leaf.raw).map(Id::into_owned);
            }
            RequestField::Method => {
                let Some(method) = decode(leaf.raw) else { return };
                self.envelope.method();
                self.row = method::row_of(&method);
                let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                self.method = Some(offset(leaf.at)..offset(leaf.end()));
            }
            _ => self.params.leaf(leaf),
        }
    }

    fn begin(&mut self, object: RequestField) {
        self.is_object = true;
        self.params.begin(object);
    }

    fn key(&mut self, object: RequestField, key: Option<&str>) {
        // One that is too long to be reported is none that anybody knows.
        let Some(key) = key else { return };
        if object == RequestField::Envelope {
            self.envelope.key(key);
        } else {
            self.params.key(object, key);
        }
    }

    fn end(&mut self, object: RequestField, _: u64) {
        self.params.end(object);
    }
}

#[cfg(test)]
mod tests;
