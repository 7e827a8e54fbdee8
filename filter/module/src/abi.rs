//! What Envoy and the module call of each other: the C ABI of dynamic modules
//! (`source/extensions/dynamic_modules/abi/abi.h`), as Envoy 1.38 to 1.40 have it.
//!
//! Declarations alone. [`crate::host`] has what calls them, [`crate::hooks`] what Envoy calls. Envoy looks all
//! symbols up when it loads the module, so there is none here that one of these versions lacks.

use std::ffi::{c_char, c_void};

/// Bytes of Envoy's, which live as long as the hook that they were handed to.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct EnvoyBuffer {
    pub(crate) data: *const u8,
    pub(crate) length: usize,
}

/// Bytes of the module's, which live through the call that they are handed to.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct ModuleBuffer {
    pub(crate) data: *const u8,
    pub(crate) length: usize,
}

/// A header of Envoy's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct EnvoyHeader {
    pub(crate) key: EnvoyBuffer,
    pub(crate) value: EnvoyBuffer,
}

/// A header of the module's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct ModuleHeader {
    pub(crate) key: ModuleBuffer,
    pub(crate) value: ModuleBuffer,
}

/// What [`VERSION`] is compared with: Envoy warns of another one than its own, and takes it.
pub(crate) const VERSION: *const c_char = c"v0.2.0".as_ptr();

/// Levels of the log.
pub(crate) const INFO: u32 = 2;
pub(crate) const WARN: u32 = 3;
pub(crate) const ERROR: u32 = 4;

/// Statuses of hooks that take a part of a message: it goes on.
pub(crate) const CONTINUE: u32 = 0;
/// It stays: a head or trailers here, bytes in the buffer of Envoy.
pub(crate) const STOP: u32 = 1;

/// Why a request could not be sent: 0 is none.
pub(crate) const SENT: u32 = 0;

/// The attribute `response.code_details`.
pub(crate) const CODE_DETAILS: u32 = 16;
/// The attribute `upstream.address`.
pub(crate) const UPSTREAM_ADDRESS: u32 = 41;

macro_rules! callbacks {
    ($(fn $name:ident = $symbol:literal ($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)?;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = concat!("envoy_dynamic_module_callback_", $symbol)]
                pub(crate) fn $name($($arg: $type),*) $(-> $out)?;
            )*
        }
    };
}

callbacks! {
    fn log = "log"(level: u32, line: ModuleBuffer);

    // Of a configuration, on the main thread.
    fn define_counter = "http_filter_config_define_counter"(
        config: *mut c_void, name: ModuleBuffer, labels: *const ModuleBuffer, count: usize, id: *mut usize,
    ) -> u32;
    fn define_gauge = "http_filter_config_define_gauge"(
        config: *mut c_void, name: ModuleBuffer, labels: *const ModuleBuffer, count: usize, id: *mut usize,
    ) -> u32;
    fn define_histogram = "http_filter_config_define_histogram"(
        config: *mut c_void, name: ModuleBuffer, labels: *const ModuleBuffer, count: usize, id: *mut usize,
    ) -> u32;
    fn config_callout = "http_filter_config_http_callout"(
        config: *mut c_void, id: *mut u64, cluster: ModuleBuffer, headers: *const ModuleHeader, count: usize,
        body: ModuleBuffer, timeout: u64,
    ) -> u32;
    fn config_scheduler = "http_filter_config_scheduler_new"(config: *mut c_void) -> *mut c_void;
    fn config_commit = "http_filter_config_scheduler_commit"(scheduler: *mut c_void, event: u64);
    fn config_scheduler_delete = "http_filter_config_scheduler_delete"(scheduler: *mut c_void);

    fn config_start_stream = "http_filter_config_start_http_stream"(
        config: *mut c_void, id: *mut u64, cluster: ModuleBuffer, headers: *const ModuleHeader, count: usize,
        body: ModuleBuffer, end: bool, timeout: u64,
    ) -> u32;
    fn config_reset_stream = "http_filter_config_reset_http_stream"(config: *mut c_void, id: u64);

    // Of a filter, on its thread. Maps: 0 the request's headers, 2 the response's. Bodies: 0 what has come
    // now of the request, 1 what is held of it; 2 and 3 the same of the response.
    fn headers_size = "http_get_headers_size"(filter: *mut c_void, map: u32) -> usize;
    fn headers = "http_get_headers"(filter: *mut c_void, map: u32, out: *mut EnvoyHeader) -> bool;
    fn set_header = "http_set_header"(
        filter: *mut c_void, map: u32, key: ModuleBuffer, value: ModuleBuffer,
    ) -> bool;
    fn body_size = "http_get_body_size"(filter: *mut c_void, body: u32) -> usize;
    fn body_chunks_size = "http_get_body_chunks_size"(filter: *mut c_void, body: u32) -> usize;
    fn body_chunks = "http_get_body_chunks"(filter: *mut c_void, body: u32, out: *mut EnvoyBuffer) -> bool;
    fn append_body = "http_append_body"(filter: *mut c_void, body: u32, bytes: ModuleBuffer) -> bool;
    fn drain_body = "http_drain_body"(filter: *mut c_void, body: u32, size: usize) -> bool;
    fn attribute = "http_filter_get_attribute_string"(
        filter: *mut c_void, id: u32, out: *mut EnvoyBuffer,
    ) -> bool;
    fn send_response = "http_send_response"(
        filter: *mut c_void, status: u32, headers: *const ModuleHeader, count: usize, body: ModuleBuffer,
        details: ModuleBuffer,
    );
    fn send_response_headers = "http_send_response_headers"(
        filter: *mut c_void, headers: *const ModuleHeader, count: usize, end: bool,
    );
    fn send_response_data = "http_send_response_data"(filter: *mut c_void, bytes: ModuleBuffer, end: bool);
    fn clear_route_cache = "http_clear_route_cache"(filter: *mut c_void);
    fn continue_decoding = "http_filter_continue_decoding"(filter: *mut c_void);
    fn start_stream = "http_filter_start_http_stream"(
        filter: *mut c_void, id: *mut u64, cluster: ModuleBuffer, headers: *const ModuleHeader, count: usize,
        body: ModuleBuffer, end: bool, timeout: u64,
    ) -> u32;
    fn reset_stream = "http_filter_reset_http_stream"(filter: *mut c_void, id: u64);
    fn increment_counter = "http_filter_increment_counter"(
        filter: *mut c_void, id: usize, labels: *const ModuleBuffer, count: usize, by: u64,
    ) -> u32;
    fn increment_gauge = "http_filter_increment_gauge"(
        filter: *mut c_void, id: usize, labels: *const ModuleBuffer, count: usize, by: u64,
    ) -> u32;
    fn decrement_gauge = "http_filter_decrement_gauge"(
        filter: *mut c_void, id: usize, labels: *const ModuleBuffer, count: usize, by: u64,
    ) -> u32;
    fn set_gauge = "http_filter_set_gauge"(
        filter: *mut c_void, id: usize, labels: *const ModuleBuffer, count: usize, value: u64,
    ) -> u32;
    fn record_histogram = "http_filter_record_histogram_value"(
        filter: *mut c_void, id: usize, labels: *const ModuleBuffer, count: usize, value: u64,
    ) -> u32;
    fn set_filter_state = "http_set_filter_state_bytes"(
        filter: *mut c_void, key: ModuleBuffer, value: ModuleBuffer,
    ) -> bool;
    fn scheduler = "http_filter_scheduler_new"(filter: *mut c_void) -> *mut c_void;
    // From any thread; nothing happens if the filter is gone.
    fn commit = "http_filter_scheduler_commit"(scheduler: *mut c_void, event: u64);
    fn scheduler_delete = "http_filter_scheduler_delete"(scheduler: *mut c_void);
}
