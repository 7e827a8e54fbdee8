//! The client's request: from its head to the decision where it goes.

pub(super) mod early_route;
pub(crate) mod intake;
pub(super) mod stream;
pub(super) mod transport;
pub(super) mod validator;
