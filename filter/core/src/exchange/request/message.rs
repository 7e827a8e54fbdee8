//! A client's message that is there as a whole, read.

use std::borrow::Cow;

use crate::error::ClientError;
use crate::exchange::request::params::Params;
use crate::exchange::request::validator::RequestValidator;
use crate::json::{Members, Raw, Scan, decode};
use crate::mcp::fields::{CLIENT_REQUEST, RequestField};
use crate::mcp::jsonrpc::{Id, Kind, Unreadable, no_object};
use crate::mcp::method::{NamedBy, Row};

/// A message of a client that is there as a whole.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there")]
pub(crate) enum Incoming<'a> {
    /// With its row in the routing table, or its method, which has none.
    Request(Request<'a>, Result<&'static Row, Cow<'a, str>>),
    /// With its method, and whether its `_meta` says which revision it speaks.
    Notification {
        method: Cow<'a, str>,
        is_enveloped: bool,
    },
    Response,
}

impl<'a> Incoming<'a> {
    /// Reads a message, in one pass.
    ///
    /// # Errors
    ///
    /// What `body` is instead.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Unreadable<'static>> {
        let mut seen = RequestValidator::default();
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotJson)?;
        Scan::whole(text, |scan| scan.visit(&CLIENT_REQUEST, &mut seen))
            .map_err(|_| Unreadable::NotJson)?;
        let RequestValidator { envelope, is_object, id, row, method, params } = seen;
        let id = id.filter(|_| !envelope.is_id_repeated());
        let kind = if is_object { envelope.finish() } else { Err(no_object(body)) };
        let method = || {
            let raw = method.and_then(|at| text.get(at)).unwrap_or_default();
            decode(raw).unwrap_or_default()
        };
        match (kind, id) {
            (Ok(Kind::Request), Some(id)) => {
                let row = row.ok_or_else(method);
                Ok(Self::Request(
                    Request { id, has_params: envelope.has_params(), params, body, text },
                    row,
                ))
            }
            (Ok(Kind::Notification), _) => {
                let is_enveloped = params.is_enveloped();
                Ok(Self::Notification { method: method(), is_enveloped })
            }
            (Ok(Kind::Response), _) => Ok(Self::Response),
            (Ok(Kind::Request), None) => Err(Unreadable::NotJson),
            (Err(why), id) => Err(Unreadable::NotJsonRpc { id, why }),
        }
    }
}

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: Id<'static>,
    has_params: bool,
    pub(crate) params: Params,
    /// The whole message.
    pub(crate) body: &'a [u8],
    /// It, as the text that it is.
    text: &'a str,
}

impl<'a> Request<'a> {
    /// Its id, for what is made of it; it has none any more then.
    pub(crate) fn take_id(&mut self) -> Id<'static> {
        std::mem::replace(&mut self.id, Id::unknown())
    }

    /// Whether its `_meta` says which revision it speaks, as every request of the stateless era does.
    pub(crate) fn is_enveloped(&self) -> bool {
        self.params.is_enveloped()
    }

    /// The `params`, if there are any.
    ///
    /// # Errors
    ///
    /// Params that are no object, or say something twice.
    pub(crate) fn params(&self) -> Result<Option<&Params>, ClientError> {
        self.params.of_request(self.has_params)
    }

    /// The `params` as a request of the stateless era has them.
    ///
    /// # Errors
    ///
    /// Params that say something twice.
    pub(crate) fn declaring(&self) -> Result<Option<&Params>, ClientError> {
        self.params.of_declaring(self.has_params)
    }

    /// What it names its object by, for a method of this row that has one; `None` if it does not say.
    pub(crate) fn named(&self, row: &Row) -> Option<Cow<'a, str>> {
        let field = match row.key()? {
            NamedBy::Name(_) => RequestField::Name,
            NamedBy::Uri => RequestField::Uri,
            NamedBy::Task => RequestField::TaskId,
            NamedBy::Reference => return None,
        };
        self.text_of(field).and_then(decode)
    }

    /// The JSON text of a string, a number or a literal in its `params`.
    pub(crate) fn text_of(&self, field: RequestField) -> Option<&'a str> {
        self.params.within(self.text, field)
    }

    /// What a `subscriptions/listen` asks for: the members of its `notifications`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Params`] if it does not say that, or says something twice.
    pub(crate) fn notifications(&self) -> Result<Members<'a>, ClientError> {
        let wrong = || ClientError::Params("`notifications` must be an object".to_owned());
        let members = self.members()?.ok_or_else(wrong)?;
        let asked = members.find("notifications").ok_or_else(wrong)?;
        Members::read(asked).ok_or_else(wrong)
    }

    /// The members of the `params`, if there are any.
    ///
    /// # Errors
    ///
    /// As [`Self::params`].
    pub(crate) fn members(&self) -> Result<Option<Members<'a>>, ClientError> {
        Ok(self.params()?.and_then(|_| params_of(self.body)).and_then(Members::read))
    }
}

/// The JSON text of the `params` in a message.
pub(crate) fn params_of(body: &[u8]) -> Option<Raw<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let [params] = Scan::whole(text, |scan| scan.pick(["params"])).ok()??;
    params
}
