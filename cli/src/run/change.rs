//! A file that has changed while its servers run.

use std::path::Path;

use anyhow::anyhow;

use super::wait::{self, Server};
use super::words::Words;
use super::world::World;
use super::{install_bridge, read};
use crate::args::Run;
use crate::commands::Ending;
use crate::locate::Root;

/// Takes up a changed file, or says why not.
pub(super) async fn change(
    world: &mut World,
    arguments: &Run,
    file: &Path,
    words: Words,
    root: &Root,
    found: &mut Vec<Server>,
) {
    // It is being replaced, or its end was not written yet: there is another change then.
    let Ok(text) = std::fs::read_to_string(file) else { return };
    if text.trim().is_empty() {
        return;
    }
    if let Err(ending) = take_up(world, arguments, file, words, root, found).await {
        world.stop_others().await;
        match ending {
            Ending::Wrong(lines) => words.refused(&lines),
            Ending::Failed(error) => words.refused(&[format!("{error:#}")]),
        }
    }
}

async fn take_up(
    world: &mut World,
    arguments: &Run,
    file: &Path,
    words: Words,
    root: &Root,
    found: &mut Vec<Server>,
) -> Result<(), Ending> {
    let servers = read(file, arguments.port).map_err(Ending::wrong)?;
    if servers.servers.iter().eq(world.upstreams.iter().map(|it| &it.server)) {
        return Ok(());
    }
    install_bridge(root, &servers).await?;
    let upstreams = world.prepare(&servers).await?;
    let is_new = |upstream: &&crate::gateway::Upstream| !world.upstreams.contains(upstream);
    let new: Vec<_> = upstreams.iter().filter(is_new).cloned().collect();
    let new = wait::servers(&new, words, |name, fault| world.reason(name, fault)).await;
    let names: Vec<String> = upstreams.iter().map(|it| it.server.name.clone()).collect();
    world.take(upstreams).await?;
    found.retain(|old| names.contains(&old.name) && !new.iter().any(|it| it.name == old.name));
    found.extend(new);
    found.sort_by_key(|server| names.iter().position(|name| *name == server.name));
    let asked = wait::gateway(&world.endpoint(), found).await;
    asked.map_err(|error| anyhow!("the gateway does not answer: {error}"))?;
    words.changed(&world.endpoint(), found);
    Ok(())
}
