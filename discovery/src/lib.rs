//! Keeps the upstreams of mcp-mux up to date from the Services of a Kubernetes cluster.
//!
//! ```text
//! API server --watch--> Services, EndpointSlices --state--> upstreams --resources--> clusters.json, endpoints
//!                                                    |                   (output)    filter.json
//!                                                    +-- report --> Events on what is left out
//! ```
//!
//! Runs beside Envoy, which reads the files. Promises: they are written only after complete lists,
//! and only with what the filter takes; whatever fails, they stay as they were.
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

use anyhow::bail;
use kube::Client;

use crate::output::Output;
use crate::report::Report;
use crate::settings::Settings;
use crate::watch::Watch;

/// A rollout changes many objects at a time; they become one configuration.
const TOGETHER: Duration = Duration::from_millis(100);

/// How long it takes to try again what could not be written.
const AGAIN: Duration = Duration::from_secs(2);

/// How long it takes to try again what the API server has not taken.
const EVENTS: Duration = Duration::from_secs(10);

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
    let output = Output::new(settings);
    let mut report = Report::new(client);
    loop {
        tokio::select! {
            ended = &mut following => bail!("the watches have ended: {ended:?}"),
            _ = changed.changed() => {}
            () = tokio::time::sleep(EVENTS), if report.is_behind() => {}
        }
        loop {
            tokio::time::sleep(TOGETHER).await;
            changed.mark_unchanged();
            match update(settings, &watch, &output, &mut report).await {
                Ok(true) if once => return Ok(()),
                Ok(_) => break,
                Err(error) if once => return Err(error),
                Err(error) => tracing::error!(error = format!("{error:#}"), "trying again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Says whether the lists are complete, so that everything is up to date.
async fn update(
    settings: &Settings,
    watch: &Watch,
    output: &Output,
    report: &mut Report,
) -> anyhow::Result<bool> {
    let Some((services, slices)) = watch.objects() else { return Ok(false) };
    let services = services.iter().map(AsRef::as_ref);
    let state = state::derive(settings, services, slices.iter().map(AsRef::as_ref));
    if let Some(plugin) = &state.plugin
        && output.put(settings, &state.upstreams, plugin).await?
    {
        let names: Vec<&str> = state.upstreams.iter().map(|it| it.name.as_str()).collect();
        tracing::info!(upstreams = names.join(" "), "written");
    }
    report.tell(&state.refused).await;
    Ok(true)
}
