//! Who sent a request, by its head.

use super::Cx;
use super::admission::Admitted;
use super::upstream_request::ClientHeaders;
use crate::error::ClientError;
use crate::revision::Revision;

/// What the head of a request says, kept while its body is read.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) headers: ClientHeaders,
    pub(super) session: Option<Vec<u8>>,
    pub(super) revision: Option<Vec<u8>>,
}

impl Client {
    /// Checks the version header; then opens the session.
    pub(super) fn admit(&self, cx: &mut Cx<'_>) -> Result<Admitted, ClientError> {
        self.check_revision()?;
        Admitted::open(cx, self.session.as_deref())
    }

    /// Without the header the session says which revision it is (2025-06-18, Transports,
    /// "Protocol Version Header").
    pub(super) fn check_revision(&self) -> Result<(), ClientError> {
        match self.revision.as_deref() {
            Some(found) if Revision::parse(found).is_none() => Err(ClientError::Revision(
                String::from_utf8_lossy(found).chars().take(40).collect(),
            )),
            _ => Ok(()),
        }
    }
}
