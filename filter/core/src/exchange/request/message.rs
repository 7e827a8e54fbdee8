//! A client's request, read.

use crate::error::ClientError;
use crate::json::{InvalidMembers, Malformed, Members, Raw};
use crate::mcp::jsonrpc::{Id, Message, Unreadable};

/// The members of a message's `params`, if they are there, or why there are none.
pub(crate) type Params<'a> = Option<Result<Members<'a>, InvalidMembers>>;

/// Reads a message, and its `params` on the way.
pub(crate) fn read(body: &[u8]) -> (Result<Message<'_>, Unreadable<'_>>, Params<'_>) {
    let mut params = None;
    let message = Message::read_with(body, |scan, key| match key {
        "params" => scan.look(|scan| {
            let members = Members::take(scan, |scan, _| scan.value());
            let malformed = matches!(members, Err(InvalidMembers::Malformed));
            params = Some(members);
            if malformed { Err(Malformed) } else { Ok(()) }
        }),
        _ => scan.value(),
    });
    (message, params)
}

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: Id<'a>,
    pub(crate) params: Option<Raw<'a>>,
    /// Those of `params`.
    pub(crate) members: Params<'a>,
    /// The whole message, which all of these are slices of.
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The members of `params`, if there are any.
    pub(crate) fn members(&self) -> Result<Option<&Members<'a>>, ClientError> {
        match &self.members {
            None => Ok(None),
            Some(Ok(members)) => Ok(Some(members)),
            Some(Err(InvalidMembers::Repeated)) => {
                Err(ClientError::NotJsonRpc("a key of `params` is repeated"))
            }
            Some(Err(_)) => Err(ClientError::Params("`params` must be an object".to_owned())),
        }
    }
}
