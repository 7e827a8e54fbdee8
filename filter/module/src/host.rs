//! Every call into Envoy, in safe types: what Envoy hands over is a reference of its own kind here, and its
//! methods are the calls.
//!
//! # Safety
//!
//! Envoy makes every [`FilterRef`], [`ConfigRef`] and borrowed slice, and they are valid in the hook that they
//! are handed to. What is kept of them is dropped before they end: a filter's when its stream is complete
//! ([`crate::filter`]), a configuration's with the configuration, whose end waits for what [`crate::ending`] does
//! with it. A [`Scheduler`] is valid at all times, on all threads: Envoy keeps no more than a weak reference
//! behind it.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use mcp_mux_core::Header;

use crate::abi::{self, EnvoyBuffer, EnvoyHeader, ModuleBuffer, ModuleHeader};

mod kept;
mod scheduler;
mod told;

pub(crate) use kept::Kept;
pub(crate) use scheduler::Scheduler;

/// Which headers.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
}

/// Which bytes of a body: those that have come now, or those that Envoy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Body {
    RequestNow = 0,
    RequestHeld = 1,
    ResponseNow = 2,
    ResponseHeld = 3,
}

/// Envoy's side of a filter. Valid until its stream is complete.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct FilterRef(*mut c_void);

/// Envoy's side of a configuration. Valid while it is set up, and in its own hooks.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct ConfigRef(*mut c_void);

// SAFETY: a pointer alone; Envoy is called with it on the main thread.
unsafe impl Send for ConfigRef {}
// SAFETY: as above.
unsafe impl Sync for ConfigRef {}

impl EnvoyBuffer {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        slice(self.data, self.length)
    }
}

/// What Envoy hands over as a pointer and a count; it lives as long as the hook.
fn slice<'h, T>(data: *const T, count: usize) -> &'h [T] {
    if data.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: Envoy's, and valid for the hook that this is called in.
    unsafe { std::slice::from_raw_parts(data, count) }
}

/// Buffers that a hook was handed.
pub(crate) fn buffers<'h>(data: *const EnvoyBuffer, count: usize) -> &'h [EnvoyBuffer] {
    slice(data, count)
}

/// Headers that a hook was handed.
pub(crate) fn pairs<'h>(data: *const EnvoyHeader, count: usize) -> Vec<Header<'h>> {
    let pair = |it: &'h EnvoyHeader| (it.key.bytes(), it.value.bytes());
    slice(data, count).iter().map(pair).collect()
}

fn lent(bytes: &[u8]) -> ModuleBuffer {
    ModuleBuffer { data: bytes.as_ptr(), length: bytes.len() }
}

/// Headers as Envoy takes them.
pub(crate) fn lent_headers<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Vec<ModuleHeader> {
    headers
        .map(|(key, value)| ModuleHeader { key: lent(key.as_bytes()), value: lent(value) })
        .collect()
}

/// Writes a line to Envoy's log, at a level of [`abi`].
pub(crate) fn log(level: u32, line: &str) {
    // SAFETY: the line lives through the call.
    unsafe { abi::log(level, lent(line.as_bytes())) };
}

impl ConfigRef {
    /// Sends a request whose answer nobody waits for.
    pub(crate) fn send(
        self,
        cluster: &str,
        headers: &[ModuleHeader],
        body: &[u8],
        milliseconds: u64,
    ) {
        let mut id = 0;
        // SAFETY: the slices live through the call, which copies them.
        unsafe {
            abi::config_callout(
                self.0,
                &raw mut id,
                lent(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                lent(body),
                milliseconds,
            );
        }
    }

    /// Sends a request whose answer comes in parts, without a timeout. `None`: it could not be sent.
    pub(crate) fn start_stream(
        self,
        cluster: &str,
        headers: &[ModuleHeader],
        body: &[u8],
    ) -> Option<u64> {
        let mut id = 0;
        // SAFETY: the slices live through the call, which copies them.
        let status = unsafe {
            abi::config_start_stream(
                self.0,
                &raw mut id,
                lent(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                lent(body),
                true,
                0,
            )
        };
        (status == abi::SENT).then_some(id)
    }

    /// Breaks such a request off.
    pub(crate) fn reset_stream(self, id: u64) {
        // SAFETY: the configuration is valid; Envoy ignores what it does not know.
        unsafe { abi::config_reset_stream(self.0, id) };
    }

    /// What has the configuration's hook called, on the main thread.
    pub(crate) fn scheduler(self) -> Scheduler {
        // SAFETY: the configuration is valid.
        let scheduler = unsafe { abi::config_scheduler(self.0) };
        Scheduler::of_config(scheduler)
    }
}

impl FilterRef {
    /// All headers; they live until one of them is changed.
    pub(crate) fn headers<'h>(self, map: Map) -> Vec<Header<'h>> {
        // SAFETY: the filter is valid; the vector has room for as many headers as Envoy says there are.
        let found = unsafe {
            let size = abi::headers_size(self.0, map as u32);
            let mut found: Vec<EnvoyHeader> = Vec::with_capacity(size);
            if abi::headers(self.0, map as u32, found.as_mut_ptr()) {
                found.set_len(size);
            }
            found
        };
        // In place: what a header of Envoy's takes up, two slices do as well.
        found
            .into_iter()
            .map(|it| (slice(it.key.data, it.key.length), slice(it.value.data, it.value.length)))
            .collect()
    }

    /// Replaces every value of a header, or adds it.
    pub(crate) fn set_header(self, map: Map, name: &str, value: &[u8]) {
        // SAFETY: the slices live through the call. An empty slice has an address, which is no null.
        unsafe { abi::set_header(self.0, map as u32, lent(name.as_bytes()), lent(value)) };
    }

    /// Removes every value of a header.
    pub(crate) fn remove_header(self, map: Map, name: &str) {
        let nothing = ModuleBuffer { data: null(), length: 0 };
        // SAFETY: as above; a value without an address removes the header.
        unsafe { abi::set_header(self.0, map as u32, lent(name.as_bytes()), nothing) };
    }

    /// How many bytes there are of a body.
    pub(crate) fn body_size(self, body: Body) -> usize {
        // SAFETY: the filter is valid.
        unsafe { abi::body_size(self.0, body as u32) }
    }

    /// The bytes of a body, in the pieces that Envoy keeps them in; they live until the body is changed.
    pub(crate) fn body(self, body: Body) -> Vec<EnvoyBuffer> {
        // SAFETY: the filter is valid; the vector has room for as many pieces as Envoy says there are.
        unsafe {
            let size = abi::body_chunks_size(self.0, body as u32);
            let mut found = Vec::with_capacity(size);
            if abi::body_chunks(self.0, body as u32, found.as_mut_ptr()) {
                found.set_len(size);
            }
            found
        }
    }

    /// Drops all bytes of a body.
    pub(crate) fn drain_body(self, body: Body) {
        // SAFETY: the filter is valid.
        unsafe { abi::drain_body(self.0, body as u32, usize::MAX) };
    }

    /// Adds bytes to a body.
    pub(crate) fn append_body(self, body: Body, bytes: &[u8]) {
        // SAFETY: the slice lives through the call, which copies it.
        unsafe { abi::append_body(self.0, body as u32, lent(bytes)) };
    }

    /// What Envoy says of the response: `via_upstream`, or why it has made it. Envoy 1.38 does not say it.
    pub(crate) fn code_details(self) -> Option<Vec<u8>> {
        self.attribute(abi::CODE_DETAILS)
    }

    /// Whether Envoy has chosen whom to send the request to.
    pub(crate) fn has_upstream(self) -> bool {
        self.attribute(abi::UPSTREAM_ADDRESS).is_some()
    }

    fn attribute(self, id: u32) -> Option<Vec<u8>> {
        let mut text = EnvoyBuffer { data: null(), length: 0 };
        // SAFETY: the pointer is valid for the call.
        let is_there = unsafe { abi::attribute(self.0, id, &raw mut text) };
        is_there.then(|| text.bytes().to_vec())
    }

    /// Answers the client in place of an upstream.
    pub(crate) fn send_response(self, status: u16, headers: &[ModuleHeader], body: &[u8]) {
        let (count, details) = (headers.len(), lent(b"mcp_mux"));
        // SAFETY: the slices live through the call.
        unsafe {
            abi::send_response(self.0, status.into(), headers.as_ptr(), count, lent(body), details);
        }
    }

    /// Begins an answer in parts.
    pub(crate) fn send_response_headers(self, headers: &[ModuleHeader]) {
        // SAFETY: the slice lives through the call.
        unsafe { abi::send_response_headers(self.0, headers.as_ptr(), headers.len(), false) };
    }

    /// Sends the next bytes of an answer in parts.
    pub(crate) fn send_response_data(self, bytes: &[u8], end: bool) {
        // SAFETY: the slice lives through the call.
        unsafe { abi::send_response_data(self.0, lent(bytes), end) };
    }

    /// Makes Envoy choose the route again.
    pub(crate) fn clear_route_cache(self) {
        // SAFETY: the filter is valid.
        unsafe { abi::clear_route_cache(self.0) };
    }

    /// Lets the request go on that an earlier hook has stopped.
    pub(crate) fn continue_decoding(self) {
        // SAFETY: the filter is valid.
        unsafe { abi::continue_decoding(self.0) };
    }

    /// Sends a request whose answer comes in parts; 0 milliseconds are no timeout. `None`: it could not be
    /// sent.
    pub(crate) fn start_stream(
        self,
        cluster: &str,
        headers: &[ModuleHeader],
        body: &[u8],
        milliseconds: u64,
    ) -> Option<u64> {
        let mut id = 0;
        // SAFETY: the slices live through the call, which copies them.
        let status = unsafe {
            abi::start_stream(
                self.0,
                &raw mut id,
                lent(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                lent(body),
                true,
                milliseconds,
            )
        };
        (status == abi::SENT).then_some(id)
    }

    /// Breaks such a request off.
    pub(crate) fn reset_stream(self, id: u64) {
        // SAFETY: the filter is valid; Envoy ignores what it does not know.
        unsafe { abi::reset_stream(self.0, id) };
    }

    /// What has the filter's hook called, on its own thread.
    pub(crate) fn scheduler(self) -> Scheduler {
        // SAFETY: the filter is valid.
        let scheduler = unsafe { abi::scheduler(self.0) };
        Scheduler::of_filter(scheduler)
    }
}

/// Whether the Envoy that this runs in has a callback of this name.
pub(crate) fn has_callback(name: &std::ffi::CStr) -> bool {
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    }
    // SAFETY: the name ends with a zero; the handle of nothing searches all that is loaded.
    !unsafe { dlsym(null_mut(), name.as_ptr()) }.is_null()
}
