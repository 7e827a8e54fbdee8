//! What Envoy calls. Each hook runs behind [`panics::catch`]: a panic ends its request with 500, and nothing
//! else.

use std::borrow::Cow;
use std::ffi::{c_char, c_void};
use std::rc::Rc;
use std::sync::Arc;

use mcp_mux_core::effect::Verdict;

use crate::abi::{self, EnvoyBuffer, EnvoyHeader};
use crate::calls::Got;
use crate::ending;
use crate::filter::Filter;
use crate::host::{self, ConfigRef, FilterRef, Kept};
use crate::panics;
use crate::plugin::Config;

/// Exports functions under the names that Envoy looks for.
macro_rules! hooks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block)*) => {
        $(
            $(#[$doc])*
            #[unsafe(export_name = concat!("envoy_dynamic_module_on_", stringify!($name)))]
            extern "C" fn $name($($arg: $type),*) $(-> $out)? $body
        )*
    };
}

/// Runs a hook of a filter; `otherwise` if it panics.
fn hand<T>(filter: Kept<Filter>, otherwise: T, hook: impl FnOnce(&Filter) -> T) -> T {
    let Some(filter) = filter.to_rc() else { return otherwise };
    panics::catch(|| hook(&filter)).unwrap_or_else(|| {
        // What it left half done is not looked at again.
        panics::catch(|| filter.give_up());
        otherwise
    })
}

/// Runs a hook that brings a part of a message.
fn part(filter: Kept<Filter>, hook: impl FnOnce(&Filter) -> Verdict) -> u32 {
    hand(filter, abi::STOP, |filter| match hook(filter) {
        Verdict::Pass => abi::CONTINUE,
        Verdict::Hold => abi::STOP,
    })
}

/// Something came of a request of a configuration.
fn came<'h>(envoy: ConfigRef, config: Kept<Config>, id: u64, got: impl FnOnce() -> Got<'h>) {
    panics::catch(|| config.to_arc().map(|config| config.came(envoy, id, got())));
}

fn headers<'h>(data: *const EnvoyHeader, count: usize, end: bool) -> Got<'h> {
    let pair = |(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value));
    Got::Head(host::pairs(data, count).into_iter().map(pair).collect(), end)
}

fn chunks<'h>(data: *const EnvoyBuffer, count: usize, end: bool) -> Got<'h> {
    Got::Body(host::buffers(data, count).iter().map(|it| Cow::Borrowed(it.bytes())).collect(), end)
}

hooks! {
    fn program_init() -> *const c_char {
        panics::log_them();
        abi::VERSION
    }

    /// On the main thread. Null refuses the configuration.
    fn http_filter_config_new(
        envoy: ConfigRef,
        _name: EnvoyBuffer,
        document: EnvoyBuffer,
    ) -> Kept<Config> {
        let config = panics::catch(|| Config::new(envoy, document.bytes()));
        config.flatten().map_or(Kept::NONE, Kept::arc)
    }

    fn http_filter_config_destroy(config: Kept<Config>) {
        panics::catch(|| config.back_arc().map(|config| ending::ends(&config)));
    }

    /// No configuration of a route is of interest: there is none.
    fn http_filter_per_route_config_new(_name: EnvoyBuffer, _document: EnvoyBuffer) -> *const c_void {
        std::ptr::null()
    }

    fn http_filter_per_route_config_destroy(_config: *const c_void) {}

    /// An event of the configuration's scheduler, on the main thread.
    fn http_filter_config_scheduled(envoy: ConfigRef, config: Kept<Config>, event: u64) {
        panics::catch(|| config.to_arc().map(|config| config.scheduled(envoy, event)));
    }

    fn http_filter_config_http_stream_headers(
        envoy: ConfigRef,
        config: Kept<Config>,
        id: u64,
        data: *const EnvoyHeader,
        count: usize,
        end: bool,
    ) {
        came(envoy, config, id, || headers(data, count, end));
    }

    fn http_filter_config_http_stream_data(
        envoy: ConfigRef,
        config: Kept<Config>,
        id: u64,
        data: *const EnvoyBuffer,
        count: usize,
        end: bool,
    ) {
        came(envoy, config, id, || chunks(data, count, end));
    }

    fn http_filter_config_http_stream_trailers(
        envoy: ConfigRef,
        config: Kept<Config>,
        id: u64,
        _data: *const EnvoyHeader,
        _count: usize,
    ) {
        came(envoy, config, id, || Got::End);
    }

    fn http_filter_config_http_stream_complete(envoy: ConfigRef, config: Kept<Config>, id: u64) {
        came(envoy, config, id, || Got::End);
    }

    fn http_filter_config_http_stream_reset(
        envoy: ConfigRef,
        config: Kept<Config>,
        id: u64,
        _reason: u32,
    ) {
        came(envoy, config, id, || Got::Lost);
    }

    fn http_filter_config_http_callout_done(
        _envoy: ConfigRef,
        _config: Kept<Config>,
        _id: u64,
        _result: u32,
        _headers: *const EnvoyHeader,
        _header_count: usize,
        _body: *const EnvoyBuffer,
        _body_count: usize,
    ) {}

    /// On the thread that serves the request.
    fn http_filter_new(config: Kept<Config>, envoy: FilterRef) -> Kept<Filter> {
        let new = |config: Arc<Config>| Filter::new(config, envoy);
        let filter = panics::catch(|| config.to_arc().map(new));
        filter.flatten().map_or(Kept::NONE, Kept::rc)
    }

    fn http_filter_request_headers(_envoy: FilterRef, filter: Kept<Filter>, end: bool) -> u32 {
        part(filter, |it| it.request_head(end))
    }

    fn http_filter_request_body(_envoy: FilterRef, filter: Kept<Filter>, end: bool) -> u32 {
        part(filter, |it| it.request_body(end))
    }

    fn http_filter_request_trailers(_envoy: FilterRef, filter: Kept<Filter>) -> u32 {
        part(filter, Filter::request_trailers)
    }

    fn http_filter_response_headers(_envoy: FilterRef, filter: Kept<Filter>, end: bool) -> u32 {
        part(filter, |it| it.response_head(end))
    }

    fn http_filter_response_body(_envoy: FilterRef, filter: Kept<Filter>, end: bool) -> u32 {
        part(filter, |it| it.response_body(end))
    }

    fn http_filter_response_trailers(_envoy: FilterRef, filter: Kept<Filter>) -> u32 {
        part(filter, Filter::response_trailers)
    }

    fn http_filter_stream_complete(_envoy: FilterRef, filter: Kept<Filter>) {
        hand(filter, (), Filter::complete);
    }

    /// The last hook of a filter.
    fn http_filter_destroy(filter: Kept<Filter>) {
        panics::catch(|| filter.back_rc().map(|filter: Rc<Filter>| filter.complete()));
    }

    fn http_filter_scheduled(_envoy: FilterRef, filter: Kept<Filter>, event: u64) {
        hand(filter, (), |it| it.scheduled(event));
    }

    fn http_filter_downstream_above_write_buffer_high_watermark(
        _envoy: FilterRef,
        filter: Kept<Filter>,
    ) {
        hand(filter, (), |it| it.backlog(true));
    }

    fn http_filter_downstream_below_write_buffer_low_watermark(
        _envoy: FilterRef,
        filter: Kept<Filter>,
    ) {
        hand(filter, (), |it| it.backlog(false));
    }

    /// 0: the reply that Envoy makes of its own goes on.
    fn http_filter_local_reply(
        _envoy: FilterRef,
        _filter: Kept<Filter>,
        _status: u32,
        _details: EnvoyBuffer,
        _reset: bool,
    ) -> u32 {
        0
    }

    /// No request is sent whose answer comes at once.
    fn http_filter_http_callout_done(
        _envoy: FilterRef,
        _filter: Kept<Filter>,
        _id: u64,
        _result: u32,
        _headers: *const EnvoyHeader,
        _header_count: usize,
        _body: *const EnvoyBuffer,
        _body_count: usize,
    ) {}

    fn http_filter_http_stream_headers(
        _envoy: FilterRef,
        filter: Kept<Filter>,
        id: u64,
        data: *const EnvoyHeader,
        count: usize,
        end: bool,
    ) {
        hand(filter, (), |it| it.got(id, headers(data, count, end)));
    }

    fn http_filter_http_stream_data(
        _envoy: FilterRef,
        filter: Kept<Filter>,
        id: u64,
        data: *const EnvoyBuffer,
        count: usize,
        end: bool,
    ) {
        hand(filter, (), |it| it.got(id, chunks(data, count, end)));
    }

    fn http_filter_http_stream_trailers(
        _envoy: FilterRef,
        filter: Kept<Filter>,
        id: u64,
        _data: *const EnvoyHeader,
        _count: usize,
    ) {
        hand(filter, (), |it| it.got(id, Got::End));
    }

    fn http_filter_http_stream_complete(_envoy: FilterRef, filter: Kept<Filter>, id: u64) {
        hand(filter, (), |it| it.got(id, Got::End));
    }

    fn http_filter_http_stream_reset(
        _envoy: FilterRef,
        filter: Kept<Filter>,
        id: u64,
        _reason: u32,
    ) {
        hand(filter, (), |it| it.got(id, Got::Lost));
    }
}
