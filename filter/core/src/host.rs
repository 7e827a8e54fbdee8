//! What the core asks of its host while it handles an event.

use crate::catalog::cache::ListChanged;
use crate::session::ScopeTag;
use crate::session::notes::Notes;

/// What the core does not have by itself. None of this may hand an event to an exchange.
pub trait HostEnv {
    /// Seconds since the epoch.
    fn now(&self) -> u64;
    /// Microseconds since some time of the host's choice. It never goes back; differences tell how long something
    /// took.
    fn clock(&self) -> u64;
    /// Fills `bytes` from a cryptographically secure source.
    fn random(&mut self, bytes: &mut [u8]);
    /// What the workers of this process have noted of a session
    /// ([`Effect::Note`](crate::effect::Effect::Note)).
    fn session_notes(&self, session: ScopeTag) -> Notes;
    /// How often these lists have changed, as the workers of this process know
    /// ([`Effect::ListChanged`](crate::effect::Effect::ListChanged)).
    fn list_changes(&self, lists: ListChanged) -> u64;
    /// The texts of a claim that Envoy's `jwt_authn` has left in its metadata under `payload`: the claim at `path`, or
    /// those in the list that it is. Only of a host that can read it
    /// ([`Environment::claims`](crate::config::Environment::claims)).
    fn claim(&self, _payload: &str, _path: &[String]) -> Vec<String> {
        Vec::new()
    }
    /// What the host can do.
    fn abilities(&self) -> Abilities;
}

/// What a host can do. The core and the driver choose by it how to handle a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// How many bytes of requests and responses all exchanges of a worker may hold together.
    pub memory: usize,
    /// How many bytes of a request's body the host is sure to take back at once, with the head that was
    /// held. A longer request streams through if its owner is known early.
    pub request_buffer: usize,
    /// Whether the memory that the host hands over with every event ([`Memory`](crate::Memory)) is that of all workers
    /// of this process, and no request is under way that began with another one, as under an earlier configuration:
    /// what is not in it is nowhere in this process.
    pub one_memory: bool,
    /// Whether that memory is that of all workers, whatever else is under way; the status page says so.
    pub shares_memory: bool,
    /// Whether the responses of side calls come in parts and can be broken off, whether answers to clients
    /// leave in parts, and whether there is a timer ([`Effect::ReplyHead`](crate::effect::Effect::ReplyHead)
    /// and those that follow it).
    pub streams: bool,
}
