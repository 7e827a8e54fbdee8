//! Keeps the upstreams of mcp-mux up to date from the Services of a Kubernetes cluster.
//!
//! ```text
//! API server --watch--> Services, EndpointSlices --state--> upstreams --resources--> clusters.json, endpoints
//!                                                    |                   (output)    filter.json
//!                                                    +-- report --> Events on what is left out
//! ```
//!
//! Runs beside Envoy, which reads the files. Promises: they are written only after complete lists, and only
//! with what the filter takes; each is the old one or the new one, whatever fails.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

pub mod endpoints;
pub mod output;
pub mod report;
pub mod resources;
pub mod service;
pub mod settings;
pub mod state;
pub mod watch;

use std::time::Duration;

use anyhow::{Context as _, bail};
use kube::Client;

use crate::output::Output;
use crate::settings::Settings;
use crate::state::State;
use crate::watch::Watch;

/// A rollout changes many objects at a time; those of this time become one configuration.
const TOGETHER: Duration = Duration::from_millis(100);

/// How long it takes to try again what could not be written.
const RETRY: Duration = Duration::from_secs(2);

/// How long it takes to say that there are no complete lists yet.
const SILENCE: Duration = Duration::from_secs(10);

/// Keeps the files up to date; with `once`, until they are for the first time.
///
/// # Errors
///
/// With `once`, what could not be written. Otherwise nothing but the end of the watches, which have
/// none: what fails is logged and tried again.
pub async fn run(client: Client, settings: &Settings, once: bool) -> anyhow::Result<()> {
    let (watch, events) = Watch::start(&client, settings);
    let (sender, mut changed) = tokio::sync::watch::channel(0);
    let mut following = tokio::spawn(events.follow(sender));
    let (refused, told) = tokio::sync::watch::channel(Vec::new());
    if !once {
        tokio::spawn(report::follow(client, told));
    }
    let output = Output::new(settings);
    let mut holders = output.written().into_keys().map(|cluster| (cluster, true)).collect();
    loop {
        tokio::select! {
            ended = &mut following => bail!("the watches have ended: {ended:?}"),
            _ = changed.changed() => {}
            () = tokio::time::sleep(SILENCE), if watch.objects().is_none() => {
                tracing::warn!("no complete lists of Services and EndpointSlices yet: still waiting");
            }
        }
        loop {
            tokio::time::sleep(TOGETHER).await;
            changed.mark_unchanged();
            let Some((services, slices)) = watch.objects() else { break };
            let services = services.iter().map(AsRef::as_ref);
            let slices = slices.iter().map(AsRef::as_ref);
            let state = state::derive(settings, &holders, services, slices);
            holders.clone_from(&state.holders);
            let written = write(settings, &state, &output).await;
            match written {
                Ok(()) if once => {
                    report::log(&state.refused);
                    return Ok(());
                }
                Err(error) if once => return Err(error),
                Err(error) => tracing::error!(error = format!("{error:#}"), "trying again"),
                Ok(()) => {
                    refused.send_replace(state.refused);
                    break;
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn write(settings: &Settings, state: &State, output: &Output) -> anyhow::Result<()> {
    let plugin =
        state.plugin(settings).context("the filter would refuse the upstreams together")?;
    if output.put(settings, &state.upstreams, &plugin).await? {
        let names: Vec<&str> = state.upstreams.iter().map(|it| it.name.as_str()).collect();
        tracing::info!(upstreams = names.join(" "), "written");
    }
    Ok(())
}
