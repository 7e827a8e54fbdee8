//! One configuration of the filter: read on the main thread, then used by every worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mcp_mux_core::config::Environment;
use mcp_mux_core::effect::{Callout, Counter};
use mcp_mux_driver::{
    FAMILIES, Family, InUse, Level, Metric, MetricKind, Shared, Worker, metric_name,
};

use crate::calls::Got;
use crate::envoy::milliseconds;
use crate::frequent::Frequent;
use crate::host::{self, ConfigRef, Scheduler, lent_headers};
use crate::main_thread::MainThread;
use crate::shared::{self, NOTES, SEEN};
use crate::{abi, ending, replaced, timer};

const BUILD: &str =
    concat!("mcp-mux ", env!("CARGO_PKG_VERSION"), " (", env!("MCP_MUX_REVISION"), ")");

/// How often sessions are looked for that nobody uses any more.
const WATCH: Duration = Duration::from_secs(1);

/// The events of the configuration's scheduler: it was asked for, or it is due again.
const ASKED: u64 = 0;
const DUE: u64 = 1;

/// What all filters of a configuration have in common.
pub(crate) struct Config {
    shared: Arc<Shared>,
    _in_use: InUse,
    /// How often requests for its endpoint got another configuration so far.
    pub(crate) replacements: Arc<AtomicU64>,
    counters: HashMap<Counter, usize>,
    /// Histograms and gauges. They are few, and told apart by their addresses.
    families: Vec<(&'static Family, usize)>,
    frequent: Frequent,
    /// Counts panics.
    pub(crate) panics: Option<usize>,
    scheduler: Arc<Scheduler>,
    /// Whether the main thread was asked to look for sessions that nobody uses any more, and whether it will
    /// without being asked.
    is_asked: AtomicBool,
    is_due: AtomicBool,
    /// Requests that outlive those that they are made for.
    pub(crate) main: MainThread,
}

thread_local! {
    /// The workers of this thread: one for each configuration.
    static WORKERS: RefCell<Vec<(Weak<Config>, Rc<Worker>)>> = const { RefCell::new(Vec::new()) };
}

impl Config {
    /// Reads a configuration; `None` if it is refused, which is logged.
    pub(crate) fn new(envoy: ConfigRef, document: &[u8]) -> Option<Arc<Self>> {
        let variable = |name: &str| std::env::var(name).ok();
        let process_key = || Ok(shared::process_key());
        let environment = Environment {
            variable: &variable,
            process_key: &process_key,
            streams: true,
            claims: false,
            bridges: true,
        };
        let build = format!("{BUILD} in {}", envoy_version());
        let shared = Shared::configured(document, environment, &build, SEEN.clone(), &mut log)?;
        let gateway = shared.gateway();
        let define = |counter: Counter| {
            let name = metric_name(gateway, &counter);
            let id = envoy.define(MetricKind::Counter, &name, &[])?;
            Some((counter, id))
        };
        let counters = Counter::all(gateway).into_iter().filter_map(define).collect();
        let others = FAMILIES.iter().filter(|it| it.kind != MetricKind::Counter);
        let define = |family: &&'static Family| {
            let name = format!("mcp_mux.{}", family.name);
            Some((*family, envoy.define(family.kind, &name, family.labels)?))
        };
        let families = others.filter_map(define).collect();
        let frequent = Frequent::define(envoy, gateway);
        let scheduler = Arc::new(envoy.scheduler());
        ending::begins(&scheduler);
        let main = MainThread::new(gateway, envoy, scheduler.clone());
        let replacements = replaced::count(&gateway.path, document);
        Some(Arc::new(Self {
            shared,
            _in_use: NOTES.begin(),
            replacements,
            counters,
            families,
            frequent,
            panics: envoy.define(MetricKind::Counter, "mcp_mux.panics", &[]),
            main,
            scheduler,
            is_asked: AtomicBool::new(false),
            is_due: AtomicBool::new(false),
        }))
    }

    /// What Envoy knows a counter by.
    pub(crate) fn counter(&self, counter: &Counter) -> Option<usize> {
        self.counters.get(counter).copied()
    }

    /// What Envoy knows a family of histograms or gauges by.
    pub(crate) fn family(&self, family: &Family) -> Option<usize> {
        let known = self.families.iter().find(|(it, _)| std::ptr::eq(*it, family));
        known.map(|(_, id)| *id)
    }

    /// What Envoy knows a histogram by that is frequent: it has no labels there.
    pub(crate) fn frequent(&self, metric: Metric<'_>) -> Option<usize> {
        self.frequent.find(metric)
    }

    /// The worker of this thread.
    pub(crate) fn worker(self: &Arc<Self>) -> Rc<Worker> {
        WORKERS.with_borrow_mut(|workers| {
            let known = workers.iter().find(|(it, _)| std::ptr::eq(it.as_ptr(), Arc::as_ptr(self)));
            if let Some((_, worker)) = known {
                return worker.clone();
            }
            workers.retain(|(config, _)| config.strong_count() > 0);
            let worker = Worker::new(self.shared.clone());
            workers.push((Arc::downgrade(self), worker.clone()));
            worker
        })
    }

    /// Has the main thread look for sessions that nobody uses any more, and go on with that.
    pub(crate) fn watch(&self) {
        if !self.is_asked.swap(true, Ordering::AcqRel) {
            self.scheduler.commit(ASKED);
        }
    }

    /// Ends sessions that nobody uses any more, and gives up calls that waited for too long; on the main thread.
    fn tidy(&self, envoy: ConfigRef, event: u64) {
        let is_asked = event == ASKED;
        if is_asked { &self.is_asked } else { &self.is_due }.store(false, Ordering::Release);
        let now = shared::now();
        self.shared.given_up(now).into_iter().for_each(|key| self.main.give_up(key));
        for callout in self.shared.unused_sessions(now) {
            if let Some(request) = self.main.servers.request(&callout) {
                self.main.ask(request, None);
                continue;
            }
            send(envoy, callout);
        }
        if self.shared.keeps_sessions() && !self.is_due.swap(true, Ordering::AcqRel) {
            timer::after(WATCH, self.scheduler.clone(), DUE);
        }
    }

    /// An event of the configuration's scheduler.
    pub(crate) fn scheduled(&self, envoy: ConfigRef, event: u64) {
        if event == ending::CLOSE {
            return ending::close(envoy, &self.scheduler);
        }
        if self.main.scheduled(envoy, event) {
            return;
        }
        self.tidy(envoy, event);
    }

    /// What upstreams are to be told when it ends. Servers of the HTTP+SSE transport see their sessions end.
    pub(crate) fn last_words(&self) -> Vec<Callout> {
        let mut words = self.shared.end();
        words.retain(|callout| self.main.servers.request(callout).is_none());
        words
    }

    /// Whether there may be streams of it on the main thread.
    pub(crate) fn has_streams(&self) -> bool {
        self.main.has_streams()
    }

    /// Closes them, on that thread.
    pub(crate) fn close_streams(&self) {
        self.main.close();
    }

    /// Something came of a request of the configuration's.
    pub(crate) fn came(&self, envoy: ConfigRef, id: u64, got: Got<'_>) {
        self.main.came(envoy, id, got);
    }

    /// The main thread, if there are servers of the HTTP+SSE transport.
    pub(crate) fn bridging(&self) -> Option<&MainThread> {
        (!self.main.servers.is_empty()).then_some(&self.main)
    }
}

/// Sends a request that is of no stream, and whose answer nobody waits for.
pub(crate) fn send(envoy: ConfigRef, callout: Callout) {
    let Callout { cluster, headers, body, timeout, .. } = callout;
    envoy.send(&cluster, &lent_headers(headers.iter()), &body, milliseconds(timeout));
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
