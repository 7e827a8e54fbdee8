//! Every call into Envoy, in bytes only.
//!
//! The SDK's own wrappers unwrap UTF-8 (one header byte over 0x7F ends the VM) and panic on statuses
//! that they do not expect, so the ABI (proxy-wasm 0.2.1) is called directly here and a status that
//! is not Ok becomes `None` or `false`. Side calls alone go through the SDK, which has to note whom
//! to hand the answer to.

use std::ptr::{null, null_mut, slice_from_raw_parts_mut};
use std::time::Duration;

use mcp_mux_core::effect::HeaderList;
use mcp_mux_driver::MetricKind;

use crate::header_map::{self, HeaderMap};

/// Which headers.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
    CallAnswer = 6,
}

/// Which bytes.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallAnswer = 4,
    PluginConfiguration = 7,
}

const OK: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        data_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        result: *mut *mut u8,
        result_size: *mut usize,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        data: *const u8,
        size: usize,
        version: u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

/// Bytes that Envoy allocated through the SDK's `proxy_on_memory_allocate` and gave away.
fn take(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the SDK's allocator made this block as a boxed slice of exactly `size` bytes, and
    // Envoy hands it over once.
    unsafe { Box::from_raw(slice_from_raw_parts_mut(data, size)) }.into_vec()
}

/// All headers of `map`; an empty map where there is none.
pub(crate) fn headers(map: Map) -> HeaderMap {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both pointers are valid for the call.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
    HeaderMap::new(if status == OK { take(data, size) } else { Vec::new() })
}

/// Replaces every value of a header, or adds it.
pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) {
    // SAFETY: the slices live through the call. A status other than Ok means that there is no such
    // map any more: the stream is over.
    unsafe {
        proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        );
    }
}

/// Removes every value of a header.
pub(crate) fn remove_header(map: Map, name: &str) {
    // SAFETY: as above.
    unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
}

/// The first `size` bytes of a buffer.
pub(crate) fn bytes(buffer: Buffer, size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    let (mut data, mut got) = (null_mut(), 0);
    // SAFETY: both pointers are valid for the call.
    let status =
        unsafe { proxy_get_buffer_bytes(buffer as u32, 0, size, &raw mut data, &raw mut got) };
    if status == OK { take(data, got) } else { Vec::new() }
}

/// Puts `with` in place of `size` bytes from `start` on. Envoy knows three forms: in place of all
/// bytes, before the first one, and behind the last.
pub(crate) fn replace_bytes(buffer: Buffer, start: usize, size: usize, with: &[u8]) {
    // SAFETY: the slice lives through the call.
    unsafe { proxy_set_buffer_bytes(buffer as u32, start, size, with.as_ptr(), with.len()) };
}

/// Answers the client in place of an upstream.
pub(crate) fn reply(status: u16, headers: &[(&str, &[u8])], body: &[u8]) {
    let headers = header_map::serialize(headers);
    let details = b"mcp_mux";
    // SAFETY: the slices live through the call.
    unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        );
    }
}

/// Lets the request go on that an earlier callback has paused.
pub(crate) fn resume_request() {
    // SAFETY: takes no pointer; 0 is the request.
    unsafe { proxy_continue_stream(0) };
}

/// Makes Envoy choose the route again; since Envoy 1.33 a changed header does not.
pub(crate) fn clear_route_cache() {
    let name = b"clear_route_cache";
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the pointers are valid for the call; the function takes no argument.
    unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            null(),
            0,
            &raw mut data,
            &raw mut size,
        );
    }
    take(data, size);
}

/// Sends a side call; the token that its answer comes with, or `None` if Envoy refuses it. A value
/// that is not UTF-8 cannot pass this interface of the SDK and is left out.
pub(crate) fn call(
    cluster: &str,
    headers: &HeaderList,
    body: &[u8],
    timeout: Duration,
) -> Option<u32> {
    let text = headers
        .iter()
        .filter_map(|(name, value)| std::str::from_utf8(value).ok().map(|value| (name, value)));
    let headers = text.collect();
    let body = (!body.is_empty()).then_some(body);
    proxy_wasm::hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), timeout).ok()
}

/// An attribute of the stream, by its path; `None` where it has no value yet.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the slice and the pointers are valid for the call.
    let status =
        unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    (status == OK).then(|| take(data, size))
}

/// A value that the workers share, and its version; `None` where there is none.
pub(crate) fn shared(key: &str) -> Option<(Vec<u8>, u32)> {
    let (mut data, mut size, mut version) = (null_mut(), 0, 0);
    // SAFETY: the pointers are valid for the call.
    let status = unsafe {
        proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut data,
            &raw mut size,
            &raw mut version,
        )
    };
    (status == OK).then(|| (take(data, size), version))
}

/// Writes a value that the workers share; `false` if it is no longer of that version.
pub(crate) fn set_shared(key: &str, data: &[u8], version: u32) -> bool {
    // SAFETY: the slices live through the call.
    let status = unsafe {
        proxy_set_shared_data(key.as_ptr(), key.len(), data.as_ptr(), data.len(), version)
    };
    status == OK
}

/// The metric of this name; the same id for the same name.
pub(crate) fn metric(kind: MetricKind, name: &str) -> Option<u32> {
    let kind = match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Histogram => 2,
    };
    let mut id = 0;
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds to a counter or a gauge.
pub(crate) fn increment(metric: u32, by: i64) {
    // SAFETY: takes no pointer.
    unsafe { proxy_increment_metric(metric, by) };
}

/// Adds a value to a histogram, or sets a gauge.
pub(crate) fn record(metric: u32, value: u64) {
    // SAFETY: takes no pointer.
    unsafe { proxy_record_metric(metric, value) };
}

/// Keeps a text with the stream, where its access log finds it as filter state, with `wasm.` before its name.
pub(crate) fn describe(name: &str, value: &str) {
    // SAFETY: the slices live through the call. A status other than Ok means that the stream is over.
    unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    nanoseconds() / 1_000_000_000
}

/// Microseconds since the epoch.
pub(crate) fn clock() -> u64 {
    nanoseconds() / 1000
}

fn nanoseconds() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the pointer is valid for the call.
    unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    nanoseconds
}

/// Makes every call that follows in this callback that of the stream with this context id.
pub(crate) fn enter(id: u32) {
    // SAFETY: takes no pointer. A status other than Ok means that there is no such stream any more.
    unsafe { proxy_set_effective_context(id) };
}

/// Calls the root context back every so many milliseconds; 0 for never.
pub(crate) fn tick_every(milliseconds: u32) {
    // SAFETY: takes no pointer.
    unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
}
