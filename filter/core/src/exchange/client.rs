//! Who sent a request, by its head.

use crate::error::ClientError;
use crate::exchange::Context;
use crate::exchange::client_session::ClientSession;
use crate::exchange::upstream_request::ClientHeaders;
use crate::mcp::revision::Revision;

/// What the head of a request says, kept while its body is read.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) headers: ClientHeaders,
    pub(crate) session: Option<Vec<u8>>,
    pub(crate) revision: Option<Vec<u8>>,
}

impl Client {
    /// Checks the version header; then opens the session.
    pub(crate) fn admit(&self, cx: &mut Context<'_>) -> Result<ClientSession, ClientError> {
        self.check_revision()?;
        ClientSession::open(cx, self.session.as_deref())
    }

    /// Without the header the session says which revision it is (2025-06-18, Transports,
    /// "Protocol Version Header").
    pub(crate) fn check_revision(&self) -> Result<(), ClientError> {
        match self.revision.as_deref() {
            Some(found) if Revision::parse(found).is_none() => Err(ClientError::Revision(
                String::from_utf8_lossy(found).chars().take(40).collect(),
            )),
            _ => Ok(()),
        }
    }
}
