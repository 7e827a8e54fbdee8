//! One configuration of the filter: read on the main thread, then used by every worker.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::{self, Rc};
use std::sync::{Arc, Weak};

use mcp_mux_core::config::Environment;
use mcp_mux_core::effect::Counter;
use mcp_mux_driver::{Level, Worker, metric_name};

use crate::filter::Filter;
use crate::host::{self, ConfigRef};
use crate::{abi, shared};

const BUILD: &str =
    concat!("mcp-mux ", env!("CARGO_PKG_VERSION"), " (", env!("MCP_MUX_REVISION"), ")");

/// What all filters of a configuration have in common.
pub(crate) struct Config {
    document: Vec<u8>,
    counters: HashMap<Counter, usize>,
    /// Counts panics.
    pub(crate) panics: Option<usize>,
}

thread_local! {
    /// What this thread knows: one for each configuration.
    static LOCALS: RefCell<Vec<(Weak<Config>, Rc<Local>)>> = const { RefCell::new(Vec::new()) };
}

/// What a thread knows of a configuration.
pub(crate) struct Local {
    pub(crate) worker: Rc<Worker>,
    filters: RefCell<BTreeMap<u64, rc::Weak<Filter>>>,
    next: Cell<u64>,
}

impl Local {
    /// What the next stream is known by.
    pub(crate) fn next_id(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    pub(crate) fn add(&self, filter: &Rc<Filter>) {
        self.filters.borrow_mut().insert(filter.stream.id(), Rc::downgrade(filter));
    }

    pub(crate) fn remove(&self, stream: u64) {
        self.filters.borrow_mut().remove(&stream);
    }

    /// The filter of a stream of this thread, while that is not complete.
    pub(crate) fn filter(&self, stream: u64) -> Option<Rc<Filter>> {
        self.filters.borrow().get(&stream)?.upgrade()
    }
}

impl Config {
    /// Reads a configuration; `None` if it is refused, which is logged.
    pub(crate) fn new(envoy: ConfigRef, document: &[u8]) -> Option<Arc<Self>> {
        let build = format!("{BUILD} in {}", envoy_version());
        let worker = configured(document, &build, &mut log)?;
        let gateway = worker.gateway();
        let define = |counter: Counter| {
            let id = envoy.define_counter(&metric_name(gateway, &counter))?;
            Some((counter, id))
        };
        let counters = Counter::all(gateway).into_iter().filter_map(define).collect();
        let panics = envoy.define_counter("mcp_mux.panics");
        Some(Arc::new(Self { document: document.to_vec(), counters, panics }))
    }

    /// What Envoy knows a counter by.
    pub(crate) fn counter(&self, counter: &Counter) -> Option<usize> {
        self.counters.get(counter).copied()
    }

    /// What this thread knows of it.
    pub(crate) fn local(self: &Arc<Self>) -> Option<Rc<Local>> {
        LOCALS.with_borrow_mut(|locals| {
            let known = locals.iter().find(|(it, _)| std::ptr::eq(it.as_ptr(), Arc::as_ptr(self)));
            if let Some((_, local)) = known {
                return Some(local.clone());
            }
            locals.retain(|(config, _)| config.strong_count() > 0);
            let worker = configured(&self.document, BUILD, &mut |_, _| {})?;
            let filters = RefCell::default();
            let local = Rc::new(Local { worker, filters, next: Cell::new(0) });
            locals.push((Arc::downgrade(self), local.clone()));
            Some(local)
        })
    }

    /// Ends sessions that nobody uses any more.
    pub(crate) fn tidy(&self, _envoy: ConfigRef) {}
}

fn configured(
    document: &[u8],
    build: &str,
    log: &mut dyn FnMut(Level, &str),
) -> Option<Rc<Worker>> {
    let variable = |name: &str| std::env::var(name).ok();
    let process_key = || Ok(shared::process_key());
    let environment = Environment { variable: &variable, process_key: &process_key };
    Worker::configured(document, environment, build, log)
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: Level, line: &str) {
    let level = match level {
        Level::Info => abi::INFO,
        Level::Warn => abi::WARN,
        Level::Error => abi::ERROR,
    };
    host::log(level, &format!("mcp-mux: {line}"));
}

/// The Envoy that this runs in, by what it can be asked for.
fn envoy_version() -> &'static str {
    let has = host::has_callback;
    if has(c"envoy_dynamic_module_callback_log_v2") {
        "Envoy 1.40 or later"
    } else if has(c"envoy_dynamic_module_callback_get_log_level") {
        "Envoy 1.39"
    } else {
        "Envoy 1.38"
    }
}
