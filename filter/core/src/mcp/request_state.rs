//! The `requestState` of a result that asks a client of the stateless era what its server wants to know
//! (2026-07-28, Multi Round-Trip Requests). It names the call that waits for the answer.
//!
//! It is sealed: it opens for the caller and the method that it was made for, and nobody else can make one.

use serde::{Deserialize, Serialize};

use crate::effect::CallKey;
use crate::seal::{KeyRing, Purpose, ScopeTag};

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestState {
    key: [u8; 16],
    /// The id of the server's request, as JSON: a call may ask several times.
    pub(crate) question: String,
}

impl RequestState {
    pub(crate) const fn new(key: CallKey, question: String) -> Self {
        Self { key: key.0, question }
    }

    /// The call.
    pub(crate) const fn key(&self) -> CallKey {
        CallKey(self.key)
    }

    /// The text for a request of `method` by this caller.
    pub(crate) fn seal(
        &self,
        keys: &KeyRing,
        (method, scope): (&str, ScopeTag),
        nonce: [u8; 24],
    ) -> String {
        // Strings and bytes have no way to fail.
        let plain = postcard::to_allocvec(self).unwrap_or_default();
        keys.seal(Purpose::State { method, scope }, nonce, &plain)
    }

    /// Opens a text; `None` for one that is none of this gateway's, or was made for another method or caller.
    pub(crate) fn open(
        keys: &KeyRing,
        (method, scope): (&str, ScopeTag),
        text: &str,
    ) -> Option<Self> {
        let plain = keys.open(Purpose::State { method, scope }, text.as_bytes())?;
        postcard::from_bytes(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Key;

    const CALLER: ScopeTag = ScopeTag([1; 16]);
    const NONCE: [u8; 24] = [5; 24];
    const CALL: &str = "tools/call";

    #[test]
    fn a_state_is_good_for_one_method_one_caller_and_one_key() {
        let keys = |secret| KeyRing::new(Key::new([secret; 32]), Vec::new());
        let state = RequestState::new(CallKey([7; 16]), "\"q\"".to_owned());
        let text = state.seal(&keys(1), (CALL, CALLER), NONCE);
        assert_eq!(RequestState::open(&keys(1), (CALL, CALLER), &text), Some(state));
        let other = ScopeTag([2; 16]);
        for (secret, method, scope) in
            [(2, CALL, CALLER), (1, "prompts/get", CALLER), (1, CALL, other)]
        {
            assert_eq!(RequestState::open(&keys(secret), (method, scope), &text), None);
        }
        let cursor = Purpose::Cursor { method: CALL, scope: CALLER };
        assert_eq!(keys(1).open(cursor, text.as_bytes()), None);
        for other in ["", "x", &"A".repeat(20_000)] {
            assert_eq!(RequestState::open(&keys(1), (CALL, CALLER), other), None);
        }
    }
}
