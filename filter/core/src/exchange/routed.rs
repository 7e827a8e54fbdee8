//! A request that goes to the one upstream that owns it, through Envoy's router.

pub(super) mod ask_again;
pub(super) mod await_response;
pub(super) mod farewell;
pub(super) mod list_again;
pub(super) mod listen;
pub(super) mod open_upstream;
pub(super) mod owner;
pub(super) mod pinned;
pub(super) mod request;
pub(super) mod resolve;
pub(super) mod retry;
