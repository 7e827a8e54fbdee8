//! What a list is found by.

use sha2::{Digest as _, Sha256};

/// What a list may depend on. Two that differ in anything have different keys: SHA-256 leaves no
/// others to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListKey([u8; 32]);

/// Makes a key of parts, each with its length, so that no two lists of parts are alike.
#[derive(Debug, Default)]
pub(crate) struct KeyOf(Sha256);

impl KeyOf {
    /// Adds a part.
    #[must_use]
    pub(crate) fn and(self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        let length = (part.len() as u64).to_le_bytes();
        Self(self.0.chain_update(length).chain_update(part))
    }

    /// The key of all parts.
    #[must_use]
    pub(crate) fn key(self) -> ListKey {
        ListKey(self.0.finalize().into())
    }
}

impl ListKey {
    /// Its first half, which is as hard to meet by chance or by trying for as any 128 bits.
    #[must_use]
    pub(crate) fn half(self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// Under which keys a list may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// As anybody may have it who is shown the same.
    pub public: Option<ListKey>,
    /// As one session has it.
    pub own: ListKey,
    /// Whether it turned out that what another session asks for is not for this one.
    pub alone: bool,
}

impl Keys {
    /// Under which it is asked for.
    #[must_use]
    pub(crate) fn begun(self) -> ListKey {
        self.public.filter(|_| !self.alone).unwrap_or(self.own)
    }
}
