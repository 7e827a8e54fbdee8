//! One VM's plugin: reads the configuration, makes a stream context for every request, wakes up streams
//! that wait, and ends sessions that nobody uses any more.
//!
//! ```text
//!   a stream's callback ── waker ──▶ the timer ──▶ the root context ──▶ the streams go on
//! ```
//!
//! The SDK hands the answer to a callout to the context in whose callback that was sent. So a stream that is
//! woken up in another one's callback could not get its answers, least of all when that other one is about to
//! go. In the root context it can: that one looks for the stream by the callout.

use std::rc::Rc;
use std::sync::Arc;

use mcp_mux_core::Seen;
use mcp_mux_core::config::Environment;
use mcp_mux_driver::{Shared, Worker};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::envoy::{self, Envoy, Vm};
use crate::host::{self, Buffer};
use crate::shared;
use crate::stream::HttpStream;

/// How many streams are woken up in one callback. Envoy sends what they answer when the callback is over,
/// and each answer, being a callback itself, from within the one before: three hundred fill the stack.
const AT_ONCE: usize = 32;

/// How often sessions are looked for that nobody uses any more, in milliseconds.
const WATCH: u32 = 1000;

thread_local! {
    /// What the status page shows, for all configurations of a VM.
    static SEEN: Arc<Seen> = Arc::default();
}

/// The root context.
#[derive(Default)]
pub(crate) struct Plugin {
    /// Empty until a configuration was accepted.
    ready: Option<Ready>,
}

/// What all streams of a VM share.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) worker: Rc<Worker>,
    pub(crate) vm: Rc<Vm>,
}

impl Context for Plugin {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(ready) = &self.ready else { return };
        if let Some((stream, call)) = ready.vm.answered(token) {
            Envoy::enter(&ready.vm, &stream).call_response(call, headers, size);
        }
    }
}

impl RootContext for Plugin {
    fn on_configure(&mut self, size: usize) -> bool {
        let document = host::bytes(Buffer::PluginConfiguration, size);
        let variable = |name: &str| std::env::var(name).ok();
        let environment = Environment {
            variable: &variable,
            process_key: &shared::process_key,
            streams: false,
            claims: true,
            bridges: false,
        };
        let build =
            concat!("mcp-mux ", env!("CARGO_PKG_VERSION"), " (", env!("MCP_MUX_REVISION"), ")");
        let Some(shared) = Shared::configured(
            &document,
            environment,
            build,
            SEEN.with(Arc::clone),
            &mut envoy::log,
        ) else {
            return false;
        };
        self.ready = Some(Ready { worker: Worker::new(shared), vm: Rc::default() });
        true
    }

    fn on_tick(&mut self) {
        let Some(ready) = &self.ready else { return };
        // Before any stream is entered: it would take these calls with it when it ends.
        for callout in ready.worker.shared().unused_sessions(host::now()) {
            envoy::send(&callout);
        }
        for _ in 0..AT_ONCE {
            let Some(stream) = ready.vm.woken.next() else { break };
            stream.wake(&mut Envoy::enter(&ready.vm, &stream));
        }
        if ready.vm.woken.is_empty() {
            host::tick_every(if ready.worker.shared().keeps_sessions() { WATCH } else { 0 });
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(HttpStream::new(context_id, self.ready.as_ref())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
