//! One VM's plugin: reads the configuration, and makes a stream context for every request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mcp_mux_core::config::{self, Environment};
use mcp_mux_core::gateway::{Gateway, KeySource};
use mcp_mux_core::worker_cache::WorkerCache;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::host::{self, Buffer};
use crate::metrics::Metrics;
use crate::shared;
use crate::waiting::{Handle, Waiting};

/// The root context.
#[derive(Default)]
pub(crate) struct Plugin {
    /// Empty until a configuration was accepted.
    ready: Option<Rc<Ready>>,
}

/// What all streams of a VM share.
pub(crate) struct Ready {
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Metrics,
    /// How many bytes all streams of this VM hold.
    pub(crate) held: Cell<usize>,
    pub(crate) memory: RefCell<WorkerCache>,
    pub(crate) waiting: Waiting,
}

impl Context for Plugin {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        if let Some(ready) = &self.ready {
            ready.waiting.answered(token, headers, size);
        }
    }
}

impl RootContext for Plugin {
    fn on_configure(&mut self, size: usize) -> bool {
        let document = host::bytes(Buffer::PluginConfiguration, size);
        let variable = |name: &str| std::env::var(name).ok();
        let surroundings = Environment { variable: &variable, process_key: &shared::process_key };
        match config::compile(&document, surroundings) {
            Ok(gateway) => {
                announce(&gateway);
                self.ready = Some(Rc::new(Ready {
                    gateway,
                    metrics: Metrics::default(),
                    held: Cell::new(0),
                    memory: RefCell::default(),
                    waiting: Waiting::default(),
                }));
                true
            }
            Err(error) => {
                log::error!("mcp-mux: configuration refused: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(ready) = &self.ready {
            ready.waiting.tick();
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Handle::new(context_id, self.ready.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn announce(gateway: &Gateway) {
    let version = env!("CARGO_PKG_VERSION");
    let revision = env!("MCP_MUX_REVISION");
    let path = &gateway.path;
    let upstreams: Vec<&str> = gateway.upstream_names().collect();
    let upstreams = upstreams.join(", ");
    log::info!("mcp-mux {version} ({revision}) serves {path} for upstreams: {upstreams}");
    if matches!(gateway.key_source, KeySource::Process) {
        log::warn!(
            "mcp-mux: no session keys are configured: sessions end with this Envoy process; set \
             session.keys or session.keys_env"
        );
    }
}
