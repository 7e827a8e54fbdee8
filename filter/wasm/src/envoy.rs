//! Envoy as the driver's host: what the core wants done becomes host calls.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::task::Waker;

use mcp_mux_core::effect::{CallId, Callout, Counter, HeaderChange, HeaderChanges, Reply};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{Headers, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Host, Level, Metric, NotSent, NotStored, Stream, WakeQueue, field};

use crate::claim;
use crate::host::{self, Buffer, Map};
use crate::metrics::Metrics;
use crate::shared;

/// How many bytes of requests and answers the streams of one VM may hold together. A module has
/// 4 GiB, and what is held is copied when it grows, when it is joined and when it is sent.
const MEMORY: usize = 512 << 20;

/// So many bytes fit into Envoy's buffer in all configurations that its documentation shows.
const REQUEST_BUFFER: usize = 32 * 1024;

/// What the streams of one VM share as far as Envoy is concerned.
#[derive(Default)]
pub(crate) struct Vm {
    metrics: Metrics,
    calls: RefCell<Calls>,
    /// Streams that are to be woken up.
    pub(crate) woken: WakeQueue,
}

/// Callouts under way, by the context id of the stream and Envoy's token.
type Calls = BTreeMap<(u64, u32), (CallId, Weak<Stream>)>;

impl Vm {
    /// The callout of a stream that Envoy's token names, which is answered.
    pub(crate) fn answered_in(&self, stream: &Stream, token: u32) -> Option<CallId> {
        self.calls.borrow_mut().remove(&(stream.id(), token)).map(|(call, _)| call)
    }

    /// The same of a callout that was sent in the root context, and its stream.
    pub(crate) fn answered(&self, token: u32) -> Option<(Rc<Stream>, CallId)> {
        let mut calls = self.calls.borrow_mut();
        let key = *calls.keys().find(|(_, known)| *known == token)?;
        let (call, stream) = calls.remove(&key)?;
        Some((stream.upgrade()?, call))
    }

    /// Forgets a stream that is over, and its callouts, which Envoy has cancelled.
    pub(crate) fn forget(&self, stream: &Stream) {
        self.woken.forget(stream);
        let mut calls = self.calls.borrow_mut();
        let all = (stream.id(), 0)..=(stream.id(), u32::MAX);
        while let Some((key, _)) = calls.range(all.clone()).next() {
            let key = *key;
            calls.remove(&key);
        }
    }
}

/// Envoy, for one callback.
pub(crate) struct Envoy<'e> {
    vm: &'e Vm,
    stream: &'e Rc<Stream>,
    /// How many bytes the buffer of this callback holds.
    size: usize,
}

impl<'e> Envoy<'e> {
    /// In a callback of this stream.
    pub(crate) fn of(vm: &'e Vm, stream: &'e Rc<Stream>) -> Self {
        Self::with_body(vm, stream, 0)
    }

    /// In a callback of this stream whose buffer holds so many bytes.
    pub(crate) fn with_body(vm: &'e Vm, stream: &'e Rc<Stream>, size: usize) -> Self {
        Self { vm, stream, size }
    }

    /// In a callback of the root context, from here on on behalf of this stream.
    pub(crate) fn enter(vm: &'e Vm, stream: &'e Rc<Stream>) -> Self {
        if let Ok(context) = stream.id().try_into() {
            host::enter(context);
        }
        Self::of(vm, stream)
    }

    /// Hands the answer to a callout over: so many headers, and bytes of body.
    pub(crate) fn call_response(&mut self, call: CallId, headers: usize, size: usize) {
        let stream = self.stream;
        if headers == 0 {
            stream.call_failed(self, call, CallFailure::NoAnswer);
            return;
        }
        let map = host::headers(Map::CallAnswer);
        let pairs = map.pairs();
        let read = || Cow::Owned(host::bytes(Buffer::CallAnswer, size));
        stream.call_response(self, call, Headers(&pairs), size, read);
    }
}

/// Sends a callout of no stream, to whose answer nobody listens.
pub(crate) fn send(callout: &Callout) {
    let Callout { cluster, headers, body, timeout, .. } = callout;
    if let Some(timeout) = timeout {
        host::call(cluster, headers, body, *timeout);
    }
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: Level, line: &str) {
    let level = match level {
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::log!(level, "mcp-mux: {line}");
}

fn change_head(map: Map, changes: &HeaderChanges) {
    for change in changes.iter() {
        match change {
            HeaderChange::Set(name, value) => host::set_header(map, name, value),
            HeaderChange::Remove(name) => host::remove_header(map, name),
        }
    }
}

impl HostEnv for Envoy<'_> {
    fn now(&self) -> u64 {
        host::now()
    }

    fn clock(&self) -> u64 {
        host::clock()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        shared::random(bytes);
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        shared::session_notes(session)
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        shared::list_changes(lists)
    }

    fn claim(&self, payload: &str, path: &[String]) -> Vec<String> {
        let namespace = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", payload];
        let path: Vec<&str> =
            namespace.into_iter().chain(path.iter().map(String::as_str)).collect();
        // A zero ends a name in the path.
        if path.iter().any(|name| name.contains('\0')) {
            return Vec::new();
        }
        host::property(&path).map(|bytes| claim::texts(&bytes)).unwrap_or_default()
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            memory: MEMORY,
            request_buffer: REQUEST_BUFFER,
            one_memory: false,
            shares_memory: false,
            streams: false,
        }
    }
}

impl Host for Envoy<'_> {
    fn call(&mut self, callout: Callout) -> Result<(), NotSent> {
        let Callout { id, cluster, headers, body, timeout, .. } = callout;
        let token = timeout.and_then(|timeout| host::call(&cluster, &headers, &body, timeout));
        let token = token.ok_or(NotSent)?;
        let call = (id, Rc::downgrade(self.stream));
        self.vm.calls.borrow_mut().insert((self.stream.id(), token), call);
        Ok(())
    }

    fn change_request_head(&mut self, changes: &HeaderChanges) {
        change_head(Map::Request, changes);
    }

    fn replace_request_body(&mut self, bytes: Vec<u8>) {
        host::replace_bytes(Buffer::RequestBody, 0, self.size, &bytes);
    }

    fn reroute(&mut self) {
        host::clear_route_cache();
    }

    fn resume_request(&mut self) {
        host::resume_request();
    }

    fn change_response_head(&mut self, changes: &HeaderChanges) {
        change_head(Map::Response, changes);
    }

    fn replace_response_body(&mut self, bytes: Vec<u8>) {
        host::replace_bytes(Buffer::ResponseBody, 0, self.size, &bytes);
    }

    fn prepend_response_body(&mut self, bytes: Vec<u8>) {
        host::replace_bytes(Buffer::ResponseBody, 0, 0, &bytes);
    }

    fn reply(&mut self, reply: Reply) {
        let Reply { status, headers, body } = reply;
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        host::reply(status, &headers, &body);
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        shared::note(session, &note, expires)
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        shared::list_changed(lists)
    }

    fn waker(&mut self, stream: &Rc<Stream>) -> Waker {
        self.vm.woken.waker(stream, || host::tick_every(1))
    }

    fn watch_sessions(&mut self) {
        host::tick_every(1);
    }

    fn count(&mut self, gateway: &Gateway, counter: Counter, by: u64) {
        self.vm.metrics.count(gateway, counter, by);
    }

    fn record(&mut self, metric: Metric<'_>, value: u64) {
        if let Some(id) = self.vm.metrics.id(metric) {
            host::record(id, value);
        }
    }

    fn adjust(&mut self, metric: Metric<'_>, by: i64) {
        if let Some(id) = self.vm.metrics.id(metric) {
            host::increment(id, by);
        }
    }

    fn set(&mut self, metric: Metric<'_>, value: u64) {
        if let Some(id) = self.vm.metrics.id(metric) {
            host::record(id, value);
        }
    }

    fn describe(&mut self, field: &'static str, value: &str) {
        host::describe(field.strip_prefix(field::OF_WASM).unwrap_or(field), value);
    }

    fn log(&mut self, level: Level, line: &str) {
        log(level, line);
    }
}
