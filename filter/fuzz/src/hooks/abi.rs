//! The C ABI of dynamic modules, from Envoy's side: what the module exports, and what it calls.

use std::ffi::c_void;

use super::fake;

/// Bytes that are lent.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Buffer {
    data: *const u8,
    length: usize,
}

/// A header that is lent.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Header {
    key: Buffer,
    value: Buffer,
}

impl Buffer {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), length: bytes.len() }
    }

    /// What the module lends; `None` for what has no address.
    fn bytes(&self) -> Option<&[u8]> {
        // SAFETY: the module's, and valid for the call.
        (!self.data.is_null())
            .then(|| unsafe { std::slice::from_raw_parts(self.data, self.length) })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes().unwrap_or_default()).into_owned()
    }
}

impl Header {
    pub(super) fn of((key, value): &(Vec<u8>, Vec<u8>)) -> Self {
        Self { key: Buffer::of(key), value: Buffer::of(value) }
    }
}

fn headers(data: *const Header, count: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the module's, and valid for the call.
    let lent = unsafe { std::slice::from_raw_parts(data, count) };
    let owned = |bytes: &Buffer| bytes.bytes().unwrap_or_default().to_vec();
    lent.iter().map(|it| (owned(&it.key), owned(&it.value))).collect()
}

/// A number in place of an address: nothing is behind it.
pub(super) fn handle(number: usize) -> *mut c_void {
    std::ptr::without_provenance_mut(number)
}

macro_rules! hooks {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)?;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = concat!("envoy_dynamic_module_on_", stringify!($name))]
                pub(super) safe fn $name($($arg: $type),*) $(-> $out)?;
            )*
        }
    };
}

hooks! {
    fn program_init() -> *const std::ffi::c_char;
    fn http_filter_config_new(envoy: *mut c_void, name: Buffer, document: Buffer) -> *const c_void;
    fn http_filter_config_destroy(config: *const c_void);
    fn http_filter_config_scheduled(envoy: *mut c_void, config: *const c_void, event: u64);
    fn http_filter_config_http_stream_headers(
        envoy: *mut c_void, config: *const c_void, id: u64, data: *const Header, count: usize, end: bool,
    );
    fn http_filter_config_http_stream_data(
        envoy: *mut c_void, config: *const c_void, id: u64, data: *const Buffer, count: usize, end: bool,
    );
    fn http_filter_config_http_stream_complete(envoy: *mut c_void, config: *const c_void, id: u64);
    fn http_filter_config_http_stream_reset(
        envoy: *mut c_void, config: *const c_void, id: u64, reason: u32,
    );
    fn http_filter_new(config: *const c_void, envoy: *mut c_void) -> *const c_void;
    fn http_filter_request_headers(envoy: *mut c_void, filter: *const c_void, end: bool) -> u32;
    fn http_filter_request_body(envoy: *mut c_void, filter: *const c_void, end: bool) -> u32;
    fn http_filter_response_headers(envoy: *mut c_void, filter: *const c_void, end: bool) -> u32;
    fn http_filter_response_body(envoy: *mut c_void, filter: *const c_void, end: bool) -> u32;
    fn http_filter_stream_complete(envoy: *mut c_void, filter: *const c_void);
    fn http_filter_destroy(filter: *const c_void);
    fn http_filter_scheduled(envoy: *mut c_void, filter: *const c_void, event: u64);
    fn http_filter_downstream_above_write_buffer_high_watermark(
        envoy: *mut c_void, filter: *const c_void,
    );
    fn http_filter_downstream_below_write_buffer_low_watermark(
        envoy: *mut c_void, filter: *const c_void,
    );
    fn http_filter_http_stream_headers(
        envoy: *mut c_void, filter: *const c_void, id: u64, data: *const Header, count: usize, end: bool,
    );
    fn http_filter_http_stream_data(
        envoy: *mut c_void, filter: *const c_void, id: u64, data: *const Buffer, count: usize, end: bool,
    );
    fn http_filter_http_stream_complete(envoy: *mut c_void, filter: *const c_void, id: u64);
    fn http_filter_http_stream_reset(envoy: *mut c_void, filter: *const c_void, id: u64, reason: u32);
}

macro_rules! callbacks {
    ($(fn $symbol:literal $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block)*) => {
        $(
            #[unsafe(export_name = concat!("envoy_dynamic_module_callback_", $symbol))]
            extern "C" fn $name($($arg: $type),*) $(-> $out)? $body
        )*
    };
}

callbacks! {
    fn "log" log(level: u32, line: Buffer) {
        fake::log(level, &line.text());
    }
    fn "http_filter_config_define_counter" define_counter(
        config: *mut c_void, name: Buffer, _labels: *const Buffer, _count: usize, id: *mut usize,
    ) -> u32 {
        // SAFETY: the module's, and valid for the call.
        unsafe { *id = fake::define(config.addr(), &name.text()) };
        0
    }
    fn "http_filter_config_define_gauge" define_gauge(
        config: *mut c_void, name: Buffer, _labels: *const Buffer, _count: usize, id: *mut usize,
    ) -> u32 {
        // SAFETY: the module's, and valid for the call.
        unsafe { *id = fake::define(config.addr(), &name.text()) };
        0
    }
    fn "http_filter_config_define_histogram" define_histogram(
        config: *mut c_void, name: Buffer, _labels: *const Buffer, _count: usize, id: *mut usize,
    ) -> u32 {
        // SAFETY: the module's, and valid for the call.
        unsafe { *id = fake::define(config.addr(), &name.text()) };
        0
    }
    fn "http_filter_config_http_callout" config_callout(
        config: *mut c_void, _id: *mut u64, _cluster: Buffer, data: *const Header, count: usize, _body: Buffer,
        _timeout: u64,
    ) -> u32 {
        fake::is_config(config.addr());
        drop(headers(data, count));
        0
    }
    fn "http_filter_config_scheduler_new" config_scheduler(config: *mut c_void) -> *mut c_void {
        fake::is_config(config.addr());
        handle(fake::scheduler(config.addr()))
    }
    fn "http_filter_config_scheduler_commit" config_commit(scheduler: *mut c_void, event: u64) {
        fake::commit(scheduler.addr(), event);
    }
    fn "http_filter_config_scheduler_delete" config_scheduler_delete(scheduler: *mut c_void) {
        fake::forget_scheduler(scheduler.addr());
    }
    fn "http_filter_config_start_http_stream" config_start_stream(
        config: *mut c_void, id: *mut u64, cluster: Buffer, data: *const Header, count: usize, body: Buffer,
        _end: bool, _timeout: u64,
    ) -> u32 {
        let call = fake::start(config.addr(), &cluster.text(), &headers(data, count), body.bytes());
        // SAFETY: the module's, and valid for the call.
        unsafe { *id = call };
        0
    }
    fn "http_filter_config_reset_http_stream" config_reset_stream(config: *mut c_void, id: u64) {
        fake::reset(config.addr(), id);
    }
    fn "http_get_headers_size" headers_size(filter: *mut c_void, map: u32) -> usize {
        fake::headers(filter.addr(), map, Vec::len)
    }
    fn "http_get_headers" get_headers(filter: *mut c_void, map: u32, out: *mut Header) -> bool {
        fake::headers(filter.addr(), map, |all| {
            for (at, header) in all.iter().enumerate() {
                // SAFETY: the module has asked how many there are.
                unsafe { out.add(at).write(Header::of(header)) };
            }
        });
        true
    }
    fn "http_set_header" set_header(filter: *mut c_void, map: u32, key: Buffer, value: Buffer) -> bool {
        fake::set_header(filter.addr(), map, key.bytes().unwrap_or_default(), value.bytes());
        true
    }
    fn "http_get_body_size" body_size(filter: *mut c_void, body: u32) -> usize {
        fake::body(filter.addr(), body, <[u8]>::len)
    }
    fn "http_get_body_chunks_size" body_chunks_size(filter: *mut c_void, body: u32) -> usize {
        fake::body(filter.addr(), body, |bytes| bytes.chunks(fake::SLICE).len())
    }
    fn "http_get_body_chunks" body_chunks(filter: *mut c_void, body: u32, out: *mut Buffer) -> bool {
        fake::body(filter.addr(), body, |bytes| {
            for (at, chunk) in bytes.chunks(fake::SLICE).enumerate() {
                // SAFETY: the module has asked how many there are.
                unsafe { out.add(at).write(Buffer::of(chunk)) };
            }
        });
        true
    }
    fn "http_append_body" append_body(filter: *mut c_void, body: u32, bytes: Buffer) -> bool {
        fake::append(filter.addr(), body, bytes.bytes().unwrap_or_default());
        true
    }
    fn "http_drain_body" drain_body(filter: *mut c_void, body: u32, size: usize) -> bool {
        fake::drain(filter.addr(), body, size);
        true
    }
    fn "http_filter_get_attribute_string" attribute(filter: *mut c_void, _id: u32, _out: *mut Buffer) -> bool {
        fake::is_filter(filter.addr());
        false
    }
    fn "http_send_response" send_response(
        filter: *mut c_void, status: u32, data: *const Header, count: usize, body: Buffer, _details: Buffer,
    ) {
        drop(body.bytes().map(<[u8]>::to_vec));
        fake::reply(filter.addr(), status, &headers(data, count), true);
    }
    fn "http_send_response_headers" send_response_headers(
        filter: *mut c_void, data: *const Header, count: usize, end: bool,
    ) {
        fake::reply(filter.addr(), 200, &headers(data, count), end);
    }
    fn "http_send_response_data" send_response_data(filter: *mut c_void, bytes: Buffer, end: bool) {
        fake::reply_data(filter.addr(), bytes.bytes().unwrap_or_default(), end);
    }
    fn "http_clear_route_cache" clear_route_cache(filter: *mut c_void) {
        fake::is_filter(filter.addr());
    }
    fn "http_filter_continue_decoding" continue_decoding(filter: *mut c_void) {
        fake::goes_on(filter.addr());
    }
    fn "http_filter_start_http_stream" start_stream(
        filter: *mut c_void, id: *mut u64, cluster: Buffer, data: *const Header, count: usize, body: Buffer,
        _end: bool, _timeout: u64,
    ) -> u32 {
        let call = fake::start(filter.addr(), &cluster.text(), &headers(data, count), body.bytes());
        // SAFETY: the module's, and valid for the call.
        unsafe { *id = call };
        0
    }
    fn "http_filter_reset_http_stream" reset_stream(filter: *mut c_void, id: u64) {
        fake::reset(filter.addr(), id);
    }
    fn "http_filter_increment_counter" increment_counter(
        filter: *mut c_void, id: usize, _labels: *const Buffer, _count: usize, _by: u64,
    ) -> u32 {
        fake::count(filter.addr(), id);
        0
    }
    fn "http_filter_increment_gauge" increment_gauge(
        filter: *mut c_void, id: usize, _labels: *const Buffer, _count: usize, _value: u64,
    ) -> u32 {
        fake::count(filter.addr(), id);
        0
    }
    fn "http_filter_decrement_gauge" decrement_gauge(
        filter: *mut c_void, id: usize, _labels: *const Buffer, _count: usize, _value: u64,
    ) -> u32 {
        fake::count(filter.addr(), id);
        0
    }
    fn "http_filter_set_gauge" set_gauge(
        filter: *mut c_void, id: usize, _labels: *const Buffer, _count: usize, _value: u64,
    ) -> u32 {
        fake::count(filter.addr(), id);
        0
    }
    fn "http_filter_record_histogram_value" record_histogram(
        filter: *mut c_void, id: usize, _labels: *const Buffer, _count: usize, _value: u64,
    ) -> u32 {
        fake::count(filter.addr(), id);
        0
    }
    fn "http_set_filter_state_bytes" set_filter_state(filter: *mut c_void, key: Buffer, value: Buffer) -> bool {
        fake::is_filter(filter.addr());
        !key.text().is_empty() && value.bytes().is_some()
    }
    fn "http_filter_scheduler_new" scheduler(filter: *mut c_void) -> *mut c_void {
        fake::is_filter(filter.addr());
        handle(fake::scheduler(filter.addr()))
    }
    fn "http_filter_scheduler_commit" commit(scheduler: *mut c_void, event: u64) {
        fake::commit(scheduler.addr(), event);
    }
    fn "http_filter_scheduler_delete" scheduler_delete(scheduler: *mut c_void) {
        fake::forget_scheduler(scheduler.addr());
    }
}
