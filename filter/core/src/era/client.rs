//! The edge towards clients: who asks, and what a request has to say for that.

pub(crate) mod handshake;
pub(crate) mod mirrored;
pub(crate) mod stateless;

use std::borrow::Cow;

use crate::caller::Caller;
use crate::era::Era;
use crate::error::ClientError;
use crate::exchange::Context;
use crate::exchange::client_headers::ClientHeaders;
use crate::exchange::request::message::Request;
use crate::exchange::request::params::Params;
use crate::http::Headers;
use crate::json::decode;
use crate::mcp::fields::RequestField;
use crate::mcp::method::{self, Row, Target};
use crate::mcp::revision::Revision;
use crate::principal::Principal;

use handshake::{InitializeParams, REVISION};
use mirrored::Mirrored;
use stateless::Declared;

/// What the head of a request says of who sent it, kept while its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    headers: ClientHeaders,
    /// Of its version header.
    era: Era,
}

impl Client {
    /// Reads the head.
    ///
    /// # Errors
    ///
    /// Those of [`Principal::read`].
    pub(crate) fn read(cx: &mut Context<'_>, headers: Headers<'_>) -> Result<Self, ClientError> {
        let principal = Principal::read(cx, headers)?;
        cx.trail.is_sent_by(principal.shown.as_ref());
        let client = ClientHeaders::read(headers, cx.gateway, principal);
        let stateless = match client.revision() {
            Ok(revision) => revision.is_some_and(Revision::is_of_stateless_era),
            Err(()) => headers.all(REVISION).any(Revision::is_of_stateless_era),
        };
        let era = if stateless { Era::Stateless } else { Era::Handshake };
        Ok(Self { headers: client, era })
    }

    /// The era that the head alone speaks of.
    pub(crate) const fn era(&self) -> Era {
        self.era
    }

    /// Whether its head names neither a session, be it one that there is or not, nor a revision.
    pub(crate) fn is_unknown(&self) -> bool {
        self.headers.session().is_none() && self.headers.revision() == Ok(None)
    }

    /// The era of a message; `is_enveloped` is whether its `_meta` says which revision it speaks. Some clients put
    /// their newest revision into the header of an `initialize`, and negotiate in its body.
    pub(crate) fn era_of(&self, is_enveloped: bool, row: Option<&Row>) -> Era {
        let negotiates = row.is_some_and(|row| matches!(row.target, Target::Initialize));
        match self.era() {
            _ if is_enveloped => Era::Stateless,
            Era::Stateless if !negotiates => Era::Stateless,
            _ => Era::Handshake,
        }
    }

    /// Follows the trace that a request names in its `_meta` (SEP-414), if its head names none.
    pub(crate) fn follow(&mut self, request: &Request<'_>) {
        let text = |field| request.text_of(field).and_then(decode);
        if let Some(parent) = text(RequestField::TraceParent) {
            self.headers.follow(&parent, text(RequestField::TraceState).as_deref());
        }
    }

    /// Who sends a request within a session.
    ///
    /// # Errors
    ///
    /// [`ClientError::Revision`] for a version header that no revision has; those of
    /// [`Caller::in_session`].
    pub(crate) fn admit(self, cx: &mut Context<'_>) -> Result<Caller, ClientError> {
        self.check_revision()?;
        Caller::in_session(cx, self.headers)
    }

    /// Who sends an `initialize`, with what it says of itself. Its version header is not looked at: the
    /// revision is negotiated in the body.
    ///
    /// # Errors
    ///
    /// As [`InitializeParams::read`].
    pub(crate) fn introduce(
        self,
        request: &Request<'_>,
    ) -> Result<(Caller, InitializeParams), ClientError> {
        let params = InitializeParams::read(request)?;
        Ok((Caller::introducing(self.headers, params.offer.clone()), params))
    }

    /// Who sends a request that says everything itself, and whose method is `method`. A session id means
    /// nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Declared::read`] and [`Mirrored::check_method`].
    pub(crate) fn declare(
        self,
        cx: &mut Context<'_>,
        request: &Request<'_>,
        method: &str,
    ) -> Result<Caller, ClientError> {
        let params = request.declaring()?;
        let text = |field| params.and_then(|_| request.text_of(field));
        let declared = Declared::read(params, text, self.headers.revision())?;
        Mirrored::of(&self.headers).check_method(method)?;
        Ok(Caller::stateless(cx, self.headers, declared))
    }

    /// Checks what [`Self::declare`] does of a request that has streamed, and was sent on by what its head
    /// says. `text` is the JSON text of a member of its `_meta`, `named` what its object is named by.
    ///
    /// # Errors
    ///
    /// As there, and those of [`Mirrored::check_name`].
    pub(crate) fn check<'t>(
        &self,
        params: Option<&Params>,
        text: impl Fn(RequestField) -> Option<&'t str>,
        row: Option<&'static Row>,
        named: Option<&str>,
    ) -> Result<(), ClientError> {
        Declared::read(params, text, self.headers.revision())?;
        let mirrored = Mirrored::of(&self.headers);
        mirrored.check_method(row.map_or("", |row| row.method))?;
        row.map_or(Ok(()), |row| mirrored.check_name(row, named))
    }

    /// What the head of a request of the stateless era says that it is about: its method's row and the name,
    /// if it may be true of a request that is served.
    pub(crate) fn announces(&self) -> Option<(&'static Row, Cow<'_, str>)> {
        Revision::stateless(self.headers.revision().ok()??)?;
        let mirrored = Mirrored::of(&self.headers);
        Some((method::row_of(mirrored.method()?)?, mirrored.name()?))
    }

    /// Who sends a request of the stateless era of which no more is known than its head.
    pub(crate) fn unread(self, cx: &mut Context<'_>) -> Caller {
        Caller::stateless(cx, self.headers, Declared::unread())
    }

    /// Without the header the session says which revision it is (2025-06-18, Transports,
    /// "Protocol Version Header").
    fn check_revision(&self) -> Result<(), ClientError> {
        let unknown = |found: &[u8]| {
            let found = String::from_utf8_lossy(found).chars().take(40).collect();
            Err(ClientError::Revision(found))
        };
        match self.headers.revision() {
            Ok(Some(found)) if Revision::parse(found).is_none() => unknown(found),
            // The session says which it is.
            Ok(_) | Err(()) => Ok(()),
        }
    }
}
