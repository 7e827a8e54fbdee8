//! Messages on their way to the server: what comes of their POSTs.

use crate::out::Out;
use crate::{Asker, Part};

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

/// Headers of a refusal that are passed on with its `content-type`: when to come again, and with which credentials.
pub const PASSED: [&str; 2] = ["retry-after", "www-authenticate"];

/// The head of an answer: its status, its `content-type`, and those of [`PASSED`] that it has.
pub(crate) type Head<'h> = (u16, Option<&'h [u8]>, &'h [(&'static str, &'h [u8])]);

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    pub(crate) fn new((status, kind, passed): Head<'_>) -> Self {
        let kind = kind.map(|kind| ("content-type", kind));
        let headers = kind.into_iter().chain(passed.iter().copied());
        let headers = headers.map(|(name, value)| (name, value.to_vec())).collect();
        Self { status, headers, body: Vec::new() }
    }

    /// What there is to say of a message in a session that is over.
    pub(crate) fn session_lost() -> Self {
        let kind: &[u8] = b"text/plain";
        Self { body: b"Session not found".to_vec(), ..Self::new((404, Some(kind), &[])) }
    }

    /// Takes more of its body, as far as that is passed on.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let room = REFUSAL.saturating_sub(self.body.len());
        self.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Passes it on.
    pub(crate) fn answer(&self, out: &mut Out<'_>, asker: Asker) {
        out.answer(asker, Part::Head { status: self.status, headers: self.headers.clone() });
        out.body(asker, &self.body);
    }

    /// Whether it says that the server does not know the session any more.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self.status, 404 | 410)
    }
}
