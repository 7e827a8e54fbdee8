//! Services and `EndpointSlices` as the API server has them, kept by kube's reflectors.
//!
//! Promise: there is nothing to see before the first complete list, and what is seen stays as it was
//! while the API server is away or is listed anew.

use std::fmt::Debug;
use std::future::ready;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBuilder;
use futures_util::FutureExt as _;
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::{self, Lookup, Store};
use kube::runtime::watcher::{self, ExponentialBackoff, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::endpoints::SERVICE_NAME;
use crate::settings::{Namespaces, Settings};

/// How long a watch lasts, in seconds, before there is a new one: if the API server has gone without a word,
/// that is when it shows.
const LASTS: u32 = 20;

/// How long a connection may be silent, which is longer than any watch.
pub const SILENT: Duration = Duration::from_secs(25);

/// How long it takes to ask the API server again after an error. It doubles until something is answered, and
/// up to as much is added at random.
const FIRST: Duration = Duration::from_millis(800);

/// That is no longer than this: a label is to have its effect within seconds of an API server's return, and
/// there are but a few lists to read.
const LAST: Duration = Duration::from_secs(3);

/// What is watched, in each namespace.
pub struct Watch {
    services: Vec<Store<Service>>,
    slices: Vec<Store<EndpointSlice>>,
}

impl Watch {
    /// Begins; the second part has to be polled, and counts the changes.
    #[must_use]
    pub fn start(client: &Client, settings: &Settings) -> (Self, Changes) {
        let own = client.default_namespace().to_owned();
        let namespaces = match &settings.namespaces {
            Namespaces::Own => vec![Some(own)],
            Namespaces::Listed(names) => names.iter().cloned().map(Some).collect(),
            Namespaces::All => vec![None],
        };
        let mut watch = Self { services: Vec::new(), slices: Vec::new() };
        let mut events = SelectAll::new();
        for namespace in namespaces {
            let namespace = namespace.as_deref();
            let (store, stream) = kept(api(client, namespace), namespace, &settings.selector);
            watch.services.push(store);
            events.push(stream);
            // By their own label, not by those of the Service: they get these late, or, where they are
            // written by hand, never.
            let (store, stream) = kept(api(client, namespace), namespace, SERVICE_NAME);
            watch.slices.push(store);
            events.push(stream);
        }
        (watch, Changes(events))
    }

    /// Everything there is, once all lists have been complete.
    #[must_use]
    pub fn objects(&self) -> Option<Objects> {
        let ready = self.services.iter().all(is_complete) && self.slices.iter().all(is_complete);
        if !ready {
            return None;
        }
        let services = self.services.iter().flat_map(Store::state).collect();
        Some((services, self.slices.iter().flat_map(Store::state).collect()))
    }
}

/// Complete lists.
pub type Objects = (Vec<Arc<Service>>, Vec<Arc<EndpointSlice>>);

/// What keeps the stores up to date.
pub struct Changes(SelectAll<BoxStream<'static, ()>>);

impl Changes {
    /// Follows the API server for good.
    pub async fn follow(mut self, changed: watch::Sender<u64>) {
        while self.0.next().await.is_some() {
            changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn is_complete<K>(store: &Store<K>) -> bool
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
}

/// A store of what has these labels, and its changes. An error is logged and waited out.
fn kept<K>(
    api: Api<K>,
    namespace: Option<&str>,
    selector: &str,
) -> (Store<K>, BoxStream<'static, ()>)
where
    K: Resource + Lookup + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    <K as Lookup>::DynamicType: Default + Eq + Hash + Clone + Send + Sync + Unpin,
{
    let namespace = namespace.unwrap_or("all namespaces").to_owned();
    let (store, writer) = reflector::store();
    let backoff = ExponentialBuilder::default()
        .with_min_delay(FIRST)
        .with_max_delay(LAST)
        .with_jitter()
        .without_max_times();
    let events = watcher(api, watcher::Config::default().labels(selector).timeout(LASTS))
        .backoff(ExponentialBackoff::from(backoff))
        .modify(|object| object.managed_fields_mut().clear());
    let changes = reflector::reflector(writer, events);
    (store, changes.filter_map(move |event| ready(changed(event, &namespace))).boxed())
}

/// Whether an event changes what is kept.
fn changed<K>(event: watcher::Result<watcher::Event<K>>, namespace: &str) -> Option<()> {
    match event {
        Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
        Ok(_) => Some(()),
        Err(error) => {
            let kind = std::any::type_name::<K>().rsplit("::").next().unwrap_or_default();
            tracing::warn!(
                kind,
                namespace,
                error = &error as &dyn std::error::Error,
                "the API server does not answer as it should; everything stays as it is"
            );
            None
        }
    }
}
