//! Messages on their way to the server: what comes of their POSTs.

use crate::Asker;
use crate::out::Out;

/// How many bytes of a refusal are passed on.
const REFUSAL: usize = 64 * 1024;

/// A POST that is under way.
#[derive(Debug)]
pub(crate) struct Post {
    /// The call that it is; `None` of a message that has no answer.
    pub(crate) call: Option<u64>,
    /// Who waits for it to be taken, if it is no call.
    pub(crate) asker: Option<Asker>,
    /// What the server refuses it with.
    pub(crate) refusal: Option<Refusal>,
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    pub(crate) fn new(status: u16, kind: Option<&[u8]>) -> Self {
        Self { status, kind: kind.map(<[u8]>::to_vec), body: Vec::new() }
    }

    /// What there is to say of a message in a session that is over.
    pub(crate) fn session_lost() -> Self {
        let body = b"Session not found".to_vec();
        Self { status: 404, kind: Some(b"text/plain".to_vec()), body }
    }

    /// Takes more of its body, as far as that is passed on.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let room = REFUSAL.saturating_sub(self.body.len());
        self.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Passes it on.
    pub(crate) fn answer(&self, out: &mut Out<'_>, asker: Asker) {
        out.whole(asker, self.status, self.kind.as_deref(), &self.body);
    }

    /// Whether it says that the server does not know the session any more.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self.status, 404 | 410)
    }
}
