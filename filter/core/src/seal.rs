//! Sealed text: what the gateway hands to clients to keep for it, and trusts when it comes back.
//!
//! A sealed text is base64url without padding (RFC 4648, section 5) of
//!
//! ```text
//! version (1 byte) | key id (4) | nonce (24) | ciphertext and tag (XChaCha20-Poly1305)
//! ```
//!
//! Promises: only the holder of a key can make a text that opens; a text opens for the purpose it
//! was sealed for and no other; for each sealed content exactly one text opens, so that texts may be
//! compared as bytes. Everything before the ciphertext is authenticated with it. Texts over
//! [`Purpose::max_text`] are refused unread.
//!
//! Left to others: a fresh random nonce for each text, and how long a text is good for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

/// The length of a nonce, in bytes: long enough to be drawn at random without counting.
pub(crate) const NONCE_LEN: usize = 24;

/// The version of the layout above and of every payload sealed in it.
const VERSION: u8 = 2;

const KEY_ID_LEN: usize = 4;

/// The length of a text with no content: 45 bytes, the last 16 of them the authentication tag.
const MIN_TEXT: usize = OVERHEAD / 3 * 4;

/// How many bytes are sealed with a payload: version, key id, nonce and tag.
pub(crate) const OVERHEAD: usize = 1 + KEY_ID_LEN + NONCE_LEN + 16;

/// Keeps key ids apart from every other use of a hash of the key.
const KEY_ID_DOMAIN: &[u8] = b"mcp-mux key id v1\0";

/// Keeps the key of codes apart likewise.
const CODE_DOMAIN: &[u8] = b"mcp-mux code key v1\0";

/// How many characters a code has: 48 bits of HMAC-SHA-256 in base64url. Whoever guesses at one has
/// a single try for each answer of a client's.
pub(crate) const CODE_LEN: usize = 8;

type KeyId = [u8; KEY_ID_LEN];

/// A secret of 256 bits. `Debug` shows its public id only.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
    mac: Hmac<Sha256>,
}

impl Key {
    /// Takes 32 uniformly random bytes.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        let hash: [u8; 32] =
            Sha256::new().chain_update(KEY_ID_DOMAIN).chain_update(secret).finalize().into();
        let [a, b, c, d, ..] = hash;
        let derived = Sha256::new().chain_update(CODE_DOMAIN).chain_update(secret).finalize();
        // A key shorter than a block is filled up with zeros (RFC 2104, section 2).
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(&derived).for_each(|(to, from)| *to = *from);
        let (id, cipher) = ([a, b, c, d], XChaCha20Poly1305::new(&secret.into()));
        Self { id, cipher, mac: Hmac::new(&block) }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:08x})", u32::from_be_bytes(self.id))
    }
}

/// The keys of a gateway. Several allow rotation: a new key is first added to the others on every
/// replica, then made the first, and the old one is removed when its texts have expired.
#[derive(Debug, Clone)]
pub struct KeyRing {
    first: Key,
    others: Vec<Key>,
}

/// What a text is sealed for. It is authenticated and not part of the text: who opens a text says
/// what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A session id.
    Session {
        /// The caller that it was given to, where it is known.
        caller: Option<CallerTag>,
    },
    /// A pagination cursor, good for one method within one session.
    Cursor {
        /// The JSON-RPC method that it continues, for instance `tools/list`.
        method: &'a str,
        /// The session that it was given to.
        scope: ScopeTag,
    },
    /// A `requestState`, good for one method and one caller.
    State {
        /// The JSON-RPC method of the request that it goes back with, for instance `tools/call`.
        method: &'a str,
        /// The caller that it was given to.
        scope: ScopeTag,
    },
}

impl Purpose<'_> {
    /// The longest sealed text that is opened, in bytes. A session id is a header, and Envoy refuses
    /// header blocks over 60 KiB by default; a cursor is part of a body.
    #[must_use]
    pub const fn max_text(self) -> usize {
        match self {
            Self::Session { .. } => 64 * 1024,
            Self::Cursor { .. } => 2 * 1024 * 1024,
            Self::State { .. } => 16 * 1024,
        }
    }
}

impl KeyRing {
    /// `first` seals; it and all `others` open.
    #[must_use]
    pub fn new(first: Key, others: Vec<Key>) -> Self {
        Self { first, others }
    }

    /// Seals `plain` for `purpose`. The nonce must be random, and used once.
    ///
    /// The text is four thirds of `plain` and 60 bytes long; one over [`Purpose::max_text`] will not
    /// open,
    /// so callers bound what they seal.
    #[must_use]
    pub fn seal(&self, purpose: Purpose<'_>, nonce: [u8; NONCE_LEN], plain: &[u8]) -> String {
        let key = &self.first;
        let payload = Payload { msg: plain, aad: &purpose.associated_data(key.id) };
        let Ok(sealed) = key.cipher.encrypt(&nonce.into(), payload) else {
            // Only for 256 GiB and more. An empty text does not open, as any other over the limit.
            return String::new();
        };
        BASE64URL.encode([&[VERSION][..], &key.id, &nonce, &sealed].concat())
    }

    /// Opens a text that a key of this ring sealed for the same purpose; `None` for all others.
    #[must_use]
    pub fn open(&self, purpose: Purpose<'_>, text: &[u8]) -> Option<Vec<u8>> {
        if text.len() > purpose.max_text() {
            return None;
        }
        let bytes = BASE64URL.decode(text).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *version != VERSION {
            return None;
        }
        let aad = purpose.associated_data(*id);
        let nonce = XNonce::from(*nonce);
        std::iter::once(&self.first)
            .chain(&self.others)
            .filter(|key| key.id == *id)
            .find_map(|key| key.cipher.decrypt(&nonce, Payload { msg: sealed, aad: &aad }).ok())
    }
}

impl KeyRing {
    /// A code of `text`, by which it is known again as the gateway's own: visible ASCII of the base64url
    /// alphabet.
    #[must_use]
    pub fn code(&self, text: &[&[u8]]) -> String {
        self.first.code(text)
    }

    /// Whether a key of this ring made this code of `text`.
    #[must_use]
    pub fn knows(&self, code: &str, text: &[&[u8]]) -> bool {
        std::iter::once(&self.first).chain(&self.others).any(|key| key.code(text) == code)
    }
}

impl Key {
    fn code(&self, text: &[&[u8]]) -> String {
        let mut mac = self.mac.clone();
        for part in text {
            mac.update(part);
        }
        let code = mac.finalize().into_bytes();
        BASE64URL.encode(code.get(..CODE_LEN / 4 * 3).unwrap_or_default())
    }
}

impl Purpose<'_> {
    /// Every part but the last has a fixed length, so no two purposes share their bytes.
    fn associated_data(self, key: KeyId) -> Vec<u8> {
        let (kind, method, scope) = match self {
            Self::Session { caller: None } => return [&[VERSION][..], &key, b"S"].concat(),
            Self::Session { caller: Some(caller) } => {
                return [&[VERSION][..], &key, b"C", &caller.0].concat();
            }
            Self::Cursor { method, scope } => (b"D", method, scope),
            Self::State { method, scope } => (b"R", method, scope),
        };
        [&[VERSION][..], &key, kind, &scope.0, method.as_bytes()].concat()
    }
}

/// Tells callers from each other: the first half of the SHA-256 of a caller's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerTag(pub [u8; 16]);

/// The begin of a sealed text: 28 characters are 21 whole bytes, of version, key id, and the nonce as far as it is the tag.
/// Texts that differ there differ in these bytes.
pub(crate) type TagText = [u8; 28];

/// Tells sessions apart without a key: the first 16 bytes of the nonce of a sealed text.
///
/// Anybody can make up a text with a tag of his choice. What is done *to* a session by its tag must
/// wait until its text has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeTag(pub [u8; Self::LEN]);

impl ScopeTag {
    /// The length of a tag, in bytes.
    pub const LEN: usize = 16;

    /// Of no session.
    pub const NONE: Self = Self([0; Self::LEN]);

    /// The first 6 of its bytes, as 12 hexadecimal digits: they tell a session from others in a log, where nobody can
    /// use them.
    #[must_use]
    pub fn digits(self) -> [u8; 12] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |at: u8| DIGITS.get(usize::from(at)).copied().unwrap_or(b'0');
        let mut digits = [0; 12];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }

    /// Where a sealed text has its tag, undecoded; `None` if the text cannot be one.
    pub(crate) fn text_of(text: &[u8]) -> Option<&TagText> {
        text.first_chunk().filter(|_| text.len() >= MIN_TEXT)
    }

    /// Reads the tag of a sealed text; `None` if the text cannot be one. Reads no more than the
    /// head, whatever the length of the text.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let head = Self::text_of(text)?;
        let mut bytes = [0; 1 + KEY_ID_LEN + Self::LEN];
        BASE64URL.decode_slice(head, &mut bytes).ok()?;
        let [version, _, _, _, _, tag @ ..] = bytes;
        (version == VERSION).then_some(Self(tag))
    }
}
