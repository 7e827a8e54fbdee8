//! What a host does for the requests that it serves.

use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use mcp_mux_core::effect::{CallId, CallKey, Callout, Counter, HeaderChanges, Reply, ReplyHead};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::HostEnv;
use mcp_mux_core::{ListChanged, Note, ScopeTag};

use crate::metrics::Metric;
use crate::stream::Stream;

/// The host of one [`Stream`](crate::Stream), and [`HostEnv`], what the core asks of it.
///
/// A host is handed over with every event, so it may be made anew for each: it need not outlive the
/// callback that brought the event. It may hand the stream more events from within any of these methods.
pub trait Host: HostEnv {
    /// Sends a request of the gateway's own. What comes of it is handed to the stream later, or from within
    /// this call.
    ///
    /// # Errors
    ///
    /// [`NotSent`] if it cannot be sent; then nothing more comes of it.
    fn call(&mut self, callout: Callout) -> Result<(), NotSent>;

    /// Changes the head of the request, which is held.
    fn change_request_head(&mut self, changes: &HeaderChanges);

    /// Puts bytes in place of all of the request's body that is held, or of the chunk at hand.
    fn replace_request_body(&mut self, bytes: Vec<u8>);

    /// Chooses the route of the request again, now that its head has changed.
    fn reroute(&mut self);

    /// Lets the request go on that was held while callouts were under way.
    fn resume_request(&mut self);

    /// Changes the head of the response, which is held.
    fn change_response_head(&mut self, changes: &HeaderChanges);

    /// Puts bytes in place of all of the response's body that is held, or of the chunk at hand.
    fn replace_response_body(&mut self, bytes: Vec<u8>);

    /// Puts bytes before the chunk at hand of the response's body.
    fn prepend_response_body(&mut self, bytes: Vec<u8>);

    /// Answers the client. Whatever went on of the request, or of another response, is broken off.
    fn reply(&mut self, reply: Reply);

    /// Begins an answer to the client in parts. This method and the next six are called only of a host that
    /// [streams](mcp_mux_core::host::Abilities::streams).
    fn begin_reply(&mut self, _head: ReplyHead) {}

    /// Sends the next bytes of that answer.
    fn send_reply(&mut self, _bytes: &[u8]) {}

    /// Ends that answer.
    fn end_reply(&mut self) {}

    /// Breaks a request of the gateway's own off, of which nothing more comes then.
    fn cancel(&mut self, _call: CallId) {}

    /// Lets a request of the gateway's own that has a [key](Callout::key) be nobody's, and keeps what comes of it; see
    /// [`Effect::Park`](mcp_mux_core::effect::Effect::Park). [`Shared::given_up`](crate::Shared::given_up) says when that
    /// ends.
    fn park(&mut self, _call: CallId) {}

    /// Hands the stream what comes, and has come, of a request that was parked, as that of `call`.
    ///
    /// # Errors
    ///
    /// [`NotSent`] if there is none; then nothing comes of it.
    fn adopt(&mut self, _key: CallKey, _call: CallId) -> Result<(), NotSent> {
        Err(NotSent)
    }

    /// Calls [`Stream::woken`] after this time, in place of what it was asked for before.
    fn wake_after(&mut self, _time: Duration) {}

    /// Has [`Stream::turn`] called when other events of the thread have had their turn, but no sooner than [`PAUSE`] from
    /// now: whoever reads from sockets in turn has looked at them meanwhile. Whether that will be; a host that
    /// streams does so, any other one that does not has all done at once.
    fn take_turn(&mut self, _stream: &Rc<Stream>) -> bool {
        false
    }

    /// Notes something of a session for all workers, until the second `expires` since the epoch; see
    /// [`HostEnv::session_notes`].
    ///
    /// # Errors
    ///
    /// [`NotStored`] if the other workers will not know it.
    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored>;

    /// Adds one to [`HostEnv::list_changes`], for all workers.
    ///
    /// # Errors
    ///
    /// [`NotStored`] if the other workers will not know it.
    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored>;

    /// What has this stream woken up soon: [`Stream::wake`] is called on the stream's own thread, and not from
    /// within the event that is being handled, since a stream that is woken up may send calls of its own. It is
    /// used on whichever thread knows the news, and once or not at all; it may be used when the stream is over, which
    /// changes nothing. [`WakeQueue`](crate::WakeQueue) makes it for a host with a timer.
    fn waker(&mut self, stream: &Rc<Stream>) -> Waker;

    /// Sends what [`Shared::unused_sessions`](crate::Shared::unused_sessions) returns, soon, and then now and then.
    fn watch_sessions(&mut self);

    /// Adds to a counter; [`metric_name`](crate::metric_name) says what it is called.
    fn count(&mut self, gateway: &Gateway, counter: Counter, by: u64);

    /// Adds a value to a histogram. A host without metrics or an access log does nothing here, nor in the next three
    /// methods.
    fn record(&mut self, _metric: Metric<'_>, _value: u64) {}

    /// Adds to a gauge, or takes from it.
    fn adjust(&mut self, _metric: Metric<'_>, _by: i64) {}

    /// Sets a gauge.
    fn set(&mut self, _metric: Metric<'_>, _value: u64) {}

    /// Lets the access log have a [field](crate::field) of the request. The value is never empty, and has no control
    /// characters.
    fn describe(&mut self, _field: &'static str, _value: &str) {}

    /// Writes a line to the log.
    fn log(&mut self, level: Level, line: &str);
}

/// The shortest time between two turns, and the longest that belongs to one.
pub const PAUSE: Duration = Duration::from_micros(100);

/// A request that could not be sent: the host does not know the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

/// Something that could not be stored for all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStored;

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What is good to know.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Nothing is served.
    Error,
}
