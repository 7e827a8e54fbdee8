//! What the head of a large stateless request says of it: enough to send it on from its first bytes. Checks, as
//! the body streams through, that it says the same.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::ClientError;
use crate::exchange::request::params::Params;
use crate::exchange::request::validator::RequestValidator;
use crate::exchange::routed::owner;
use crate::gateway::Gateway;
use crate::json::{Decision, Leaf, decode, encode};
use crate::mcp::fields::RequestField;
use crate::mcp::method::{NamedBy, Owned};
use crate::mcp::owner_tag::{OwnerTags, TaskTags};
use crate::session::ScopeTag;

/// What the head says, and what the body has said of that.
#[derive(Debug)]
pub(crate) struct Announced {
    owned: Owned,
    /// Tells its caller from others.
    scope: ScopeTag,
    /// What the client calls the thing that the request is about.
    shown: String,
    /// What its owner calls it.
    own: Arc<str>,
    /// What the body calls it, as JSON, as far as it was seen.
    named: Option<String>,
}

impl Announced {
    /// Nothing of the body was seen.
    pub(crate) const fn new(owned: Owned, scope: ScopeTag, shown: String, own: Arc<str>) -> Self {
        Self { owned, scope, shown, own, named: None }
    }

    /// How its caller knows tasks.
    pub(super) const fn tasks<'g>(&self, gateway: &'g Gateway) -> TaskTags<'g> {
        TaskTags::Coded(OwnerTags { keys: &gateway.keys, scope: self.scope })
    }

    /// The length of a request that the owner gets in place of one of `length` bytes.
    pub(super) fn length(&self, length: usize) -> Option<usize> {
        let (shown, own) = (encode(&self.shown).len(), encode(&self.own).len());
        length.checked_add_signed(own.cast_signed().checked_sub(shown.cast_signed())?)
    }

    /// Takes what the body names. Of several names, for which the request will be refused, the first is changed:
    /// the length that was announced stays true. `pads` is whether it was.
    pub(super) fn rename(&mut self, leaf: Leaf<'_, RequestField>, pads: bool) -> Decision {
        let field = match self.owned.key {
            NamedBy::Name(_) => RequestField::Name,
            NamedBy::Uri => RequestField::Uri,
            NamedBy::Task | NamedBy::Reference => return Decision::Keep,
        };
        if leaf.tag != field || self.named.is_some() {
            return Decision::Keep;
        }
        self.named = Some(leaf.raw.to_owned());
        if *self.own == *self.shown || self.text().as_deref() != Some(&*self.shown) {
            return Decision::Keep;
        }
        let mut text = encode(&self.own).into_bytes();
        if pads {
            // A name can be written longer than it has to be.
            let excess = leaf.raw.len().saturating_sub(encode(&self.shown).len());
            text.resize(text.len().saturating_add(excess), b' ');
        }
        Decision::Replace(text)
    }

    /// What the body names, if that is a text.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        decode(self.named.as_deref()?)
    }

    /// Checks how a body names it of which all else was checked.
    ///
    /// # Errors
    ///
    /// What is missing or there twice.
    pub(super) fn check(&self, params: &Params) -> Result<(), ClientError> {
        params.check(self.owned.key)?;
        let key = if self.owned.key == NamedBy::Uri { "uri" } else { "name" };
        match self.text() {
            Some(_) => Ok(()),
            None => Err(owner::no_string(key, params.has(key))),
        }
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.named.as_ref().map_or(0, String::capacity)
    }
}

/// What a request says of its client, as JSON texts, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct DeclaredTexts(Vec<(RequestField, String)>);

impl DeclaredTexts {
    /// Takes note of a leaf.
    pub(super) fn see(&mut self, leaf: Leaf<'_, RequestField>) {
        let declares = matches!(
            leaf.tag,
            RequestField::Revision
                | RequestField::ClientInfo
                | RequestField::ClientCapabilities
                | RequestField::LogLevel
        );
        // A repeated one makes them all worthless.
        if declares && self.text(leaf.tag).is_none() {
            self.0.push((leaf.tag, leaf.raw.to_owned()));
        }
    }

    /// The text of one of them.
    pub(super) fn text(&self, field: RequestField) -> Option<&str> {
        self.0.iter().find(|(tag, _)| *tag == field).map(|(_, text)| text.as_str())
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|(_, text)| text.capacity()).sum()
    }
}

/// The params of a request that is complete, if it has any.
///
/// # Errors
///
/// Params that say something twice.
pub(super) fn params(seen: &RequestValidator) -> Result<Option<&Params>, ClientError> {
    seen.params.of_declaring(seen.envelope.has_params())
}
