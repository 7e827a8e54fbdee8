//! The fake Envoy itself: calls the hooks, in an order that Envoy may call them in.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ops::Range;

use super::abi::{self, Buffer, Header, handle};
use super::fake::{Call, Headers, Side, events, forget, is_there, new_side, with};

/// Envoy, with one configuration at a time that requests begin with.
pub(super) struct Fake {
    config: usize,
    /// All that have begun and not ended.
    configs: BTreeSet<usize>,
}

fn module(number: usize) -> *const c_void {
    std::ptr::with_exposed_provenance(with(number, |it| it.module))
}

fn made(number: usize, module: *const c_void) {
    with(number, |it| it.module = module.expose_provenance());
}

impl Fake {
    pub(super) fn begin(document: &[u8]) -> Self {
        static LOADED: std::sync::Once = std::sync::Once::new();
        // It sets a hook for panics, which libFuzzer has set, too.
        LOADED.call_once(|| {
            let hook = std::panic::take_hook();
            abi::program_init();
            std::panic::set_hook(hook);
        });
        let mut fake = Self { config: 0, configs: BTreeSet::new() };
        fake.configure(document);
        fake
    }

    /// Another configuration takes over. The one before ends with its last request, here: at the end.
    pub(super) fn configure(&mut self, document: &[u8]) {
        let config = new_side(Side { is_config: true, ..Side::default() });
        let kept = abi::http_filter_config_new(
            handle(config),
            Buffer::of(b"mcp_mux"),
            Buffer::of(document),
        );
        assert!(!kept.is_null(), "a configuration");
        made(config, kept);
        self.config = config;
        self.configs.insert(config);
    }

    /// A request begins; its number, and whether it goes on.
    pub(super) fn begin_filter(&self, head: &[(String, Vec<u8>)], end: bool) -> (usize, bool) {
        let head = head.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
        let filter = new_side(Side { maps: [head.collect(), Vec::new()], ..Side::default() });
        made(filter, abi::http_filter_new(module(self.config), handle(filter)));
        let status = abi::http_filter_request_headers(handle(filter), module(filter), end);
        (filter, decided(filter, status, end))
    }

    pub(super) fn request_body(filter: usize, bytes: &[u8], end: bool) {
        with(filter, |it| it.bodies[0] = bytes.to_vec());
        let status = abi::http_filter_request_body(handle(filter), module(filter), end);
        decided(filter, status, end);
        held(filter, 0, status);
    }

    pub(super) fn response_head(filter: usize, status: u16, head: &[(String, Vec<u8>)], end: bool) {
        let head = head.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
        let status = (b":status".to_vec(), status.to_string().into_bytes());
        with(filter, |it| it.maps[1] = std::iter::once(status).chain(head).collect());
        abi::http_filter_response_headers(handle(filter), module(filter), end);
    }

    pub(super) fn response_body(filter: usize, bytes: &[u8], end: bool) {
        with(filter, |it| it.bodies[2] = bytes.to_vec());
        let status = abi::http_filter_response_body(handle(filter), module(filter), end);
        held(filter, 2, status);
    }

    pub(super) fn backlog(filter: usize, is_full: bool) {
        if is_full {
            abi::http_filter_downstream_above_write_buffer_high_watermark(
                handle(filter),
                module(filter),
            );
        } else {
            abi::http_filter_downstream_below_write_buffer_low_watermark(
                handle(filter),
                module(filter),
            );
        }
    }

    /// A request of this filter's, or else of a configuration's; and whose it is.
    pub(super) fn call(&self, filter: Option<usize>) -> Option<(usize, Call)> {
        let first = |side: usize| Some((side, with(side, |it| it.calls.values().next().cloned())?));
        filter.and_then(first).or_else(|| self.configs.iter().find_map(|it| first(*it)))
    }

    pub(super) fn call_reset(&self, owner: usize, id: u64) {
        with(owner, |it| it.calls.remove(&id));
        if self.configs.contains(&owner) {
            abi::http_filter_config_http_stream_reset(handle(owner), module(owner), id, 0);
        } else {
            abi::http_filter_http_stream_reset(handle(owner), module(owner), id, 0);
        }
    }

    pub(super) fn call_answered(
        &self,
        owner: usize,
        id: u64,
        status: u16,
        head: &[(String, Vec<u8>)],
        body: &[u8],
        cuts: Vec<Range<usize>>,
    ) {
        let is_there = |id| with(owner, |it| it.calls.contains_key(&id));
        let head = head.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
        let status = (b":status".to_vec(), status.to_string().into_bytes());
        let head: Headers = std::iter::once(status).chain(head).collect();
        {
            // Freed once the hook is over.
            let lent: Vec<Header> = head.iter().map(Header::of).collect();
            let (data, count) = (lent.as_ptr(), lent.len());
            if self.configs.contains(&owner) {
                abi::http_filter_config_http_stream_headers(
                    handle(owner),
                    module(owner),
                    id,
                    data,
                    count,
                    false,
                );
            } else {
                abi::http_filter_http_stream_headers(
                    handle(owner),
                    module(owner),
                    id,
                    data,
                    count,
                    false,
                );
            }
        }
        for cut in cuts {
            if !is_there(id) {
                return;
            }
            let chunk = body[cut].to_vec();
            let lent = [Buffer::of(&chunk)];
            if self.configs.contains(&owner) {
                abi::http_filter_config_http_stream_data(
                    handle(owner),
                    module(owner),
                    id,
                    lent.as_ptr(),
                    1,
                    false,
                );
            } else {
                abi::http_filter_http_stream_data(
                    handle(owner),
                    module(owner),
                    id,
                    lent.as_ptr(),
                    1,
                    false,
                );
            }
        }
        if is_there(id) {
            with(owner, |it| it.calls.remove(&id));
            if self.configs.contains(&owner) {
                abi::http_filter_config_http_stream_complete(handle(owner), module(owner), id);
            } else {
                abi::http_filter_http_stream_complete(handle(owner), module(owner), id);
            }
        }
    }

    /// Calls the hooks that were asked for so far. What they belong to may be gone.
    pub(super) fn run_events(&self) {
        for (owner, event) in events() {
            if self.configs.contains(&owner) {
                abi::http_filter_config_scheduled(handle(owner), module(owner), event);
            } else if is_there(owner) {
                abi::http_filter_scheduled(handle(owner), module(owner), event);
            }
        }
    }

    /// Its stream is complete, and then it is gone.
    pub(super) fn end_filter(filter: usize) {
        let kept = module(filter);
        abi::http_filter_stream_complete(handle(filter), kept);
        forget(filter);
        abi::http_filter_destroy(kept);
    }

    pub(super) fn end(self) {
        self.run_events();
        for config in self.configs {
            let kept = module(config);
            abi::http_filter_config_destroy(kept);
            forget(config);
        }
    }
}

fn decided(filter: usize, status: u32, _end: bool) -> bool {
    with(filter, |it| {
        if status == 0 {
            assert!(!it.replied, "a request goes on that is answered");
            it.gone_on = true;
        }
        it.gone_on
    })
}

/// What has come now goes on, or is held.
fn held(filter: usize, body: usize, status: u32) {
    with(filter, |it| {
        let now = std::mem::take(&mut it.bodies[body]);
        if status == 0 {
            it.bodies[body + 1].clear();
        } else {
            it.bodies[body + 1].extend(now);
        }
    });
}
