//! `mcp-mux run`: the servers of a file, and Envoy before them, until Ctrl-C.

mod change;
mod commands;
mod process;
mod wait;
mod watch;
mod words;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::args::Run;
use crate::commands::{Ending, config};
use crate::gateway::bootstrap::Listen;
use crate::gateway::secrets::left_out;
use crate::locate::{self, Root};
use crate::report;
use crate::servers::variables::{Missing, Variables, ask, project};
use crate::servers::{Reached, Servers, find, load};
use process::Event;
use watch::Watched;
use words::Words;
use world::{World, endpoint};

/// Runs them.
///
/// # Errors
///
/// The file is wrong at the start; something cannot be installed or started; no server answers.
pub async fn run(arguments: &Run) -> Result<(), Ending> {
    let mut signals = Signals::new()?;
    let words = Words { json: arguments.json };
    let file = if let Some(file) = &arguments.file {
        file.clone()
    } else {
        let file = find::find().map_err(anyhow::Error::msg)?;
        words.note(&format!("the servers of {}", file.display()));
        file
    };
    let servers = read(&file, arguments.port).map_err(Ending::wrong)?;
    if arguments.dry_run {
        return dry_run(arguments, &file, &servers);
    }
    for note in &servers.notes {
        words.note(note);
    }
    tokio::select! {
        ended = start(arguments, &file, &servers, words) => {
            let (mut world, events) = ended?;
            let ended = tokio::select! {
                ended = serve(&mut world, arguments, &file, words, events) => ended,
                () = signals.any() => Ok(()),
            };
            words.stopping(world.upstreams.len());
            world.stop().await;
            ended
        }
        () = signals.any() => Ok(()),
    }
}

/// Finds what is needed, installs what is missing.
async fn start(
    arguments: &Run,
    file: &Path,
    servers: &Servers,
    words: Words,
) -> Result<(World, Running), Ending> {
    let listen = Listen { port: arguments.port, admin: arguments.admin_port };
    for (port, option) in [(Some(listen.port), "--port"), (listen.admin, "--admin-port")] {
        let Some(port) = port else { continue };
        TcpListener::bind(("127.0.0.1", port)).await.map_err(|_| {
            anyhow!(
                "port {port} is in use: stop what listens there, or choose another: {option} {}",
                other(port)
            )
        })?;
    }
    let filter = locate::filter(&arguments.place)?;
    let root = Root::find()?;
    let envoy = locate::envoy(&root, &arguments.place).await?;
    install_bridge(&root, servers).await?;
    let (sender, events) = mpsc::unbounded_channel();
    let world = World::new(root.clone(), filter, listen, file, sender)?;
    words.note(&format!(
        "starting Envoy and {}",
        crate::table::counted(servers.servers.len(), "server")
    ));
    Ok((world, Running { root, envoy, events, servers: servers.servers.clone() }))
}

async fn install_bridge(root: &Root, servers: &Servers) -> anyhow::Result<()> {
    let is_program =
        |server: &crate::servers::Server| matches!(server.reached, Reached::Command(_));
    if servers.servers.iter().any(is_program) {
        root.install(&["bridge"]).await?;
    }
    Ok(())
}

/// What there is besides the world.
struct Running {
    root: Root,
    envoy: PathBuf,
    events: mpsc::UnboundedReceiver<Event>,
    servers: Vec<crate::servers::Server>,
}

/// Starts everything, says what there is, and takes up changes; ends only with an error.
async fn serve(
    world: &mut World,
    arguments: &Run,
    file: &Path,
    words: Words,
    mut running: Running,
) -> Result<(), Ending> {
    let mut watched = Watched::new(file).unwrap_or_else(|error| {
        words.warn(&format!("changes of the file are not taken up: {error}"));
        Watched::never()
    });
    let servers = Servers { servers: std::mem::take(&mut running.servers), notes: Vec::new() };
    let upstreams = world.prepare(&servers).await?;
    for upstream in &upstreams {
        for header in left_out(upstream) {
            words.note(&format!(
                "{}: the header {header} is the gateway's own, and is left out",
                upstream.server.place
            ));
        }
    }
    world.take(upstreams.clone()).await?;
    world.start_envoy(&running.envoy)?;
    let mut found = tokio::select! {
        found = wait::servers(&upstreams, words, |name, fault| world.reason(name, fault)) => found,
        Some(Event::Ended { name, how, .. }) = next_of_envoy(&mut running.events) => {
            return Err(did_not_start(world, &name, &how).into());
        }
    };
    if found.iter().all(|server| server.fault.is_some()) {
        return Err(anyhow!(
            "no server answers: mend {} or the servers, and try again",
            file.display()
        )
        .into());
    }
    let url = world.endpoint();
    tokio::select! {
        asked = wait::gateway(&url, &mut found) => {
            asked.map_err(|error| anyhow!("the gateway does not answer: {error}; see {}", world.logs.display()))?;
        }
        Some(Event::Ended { name, how, .. }) = next_of_envoy(&mut running.events) => {
            return Err(did_not_start(world, &name, &how).into());
        }
    }
    words.ready((&world.endpoint(), &world.status()), &found, &world.logs);
    loop {
        tokio::select! {
            () = watched.changed() => change::change(world, arguments, file, words, &running.root, &mut found).await,
            Some(event) = running.events.recv() => tell(words, world, event),
        }
    }
}

/// Until Envoy serves, its end is the end.
async fn next_of_envoy(events: &mut mpsc::UnboundedReceiver<Event>) -> Option<Event> {
    loop {
        match events.recv().await? {
            event @ Event::Ended { .. } if matches!(&event, Event::Ended { name, .. } if name == "Envoy") =>
            {
                return Some(event);
            }
            _ => {}
        }
    }
}

fn did_not_start(world: &World, name: &str, how: &str) -> anyhow::Error {
    let said = world.envoy_said();
    anyhow!("{name} has ended ({how}): {said}; its log: {}", world.logs.join("envoy.log").display())
}

fn tell(words: Words, world: &World, event: Event) {
    match event {
        Event::Ended { name, how, again } => {
            let what = if name == "Envoy" { name.clone() } else { format!("{name}: its bridge") };
            let log = world.logs.join(format!("{}.log", name.to_lowercase()));
            let again = again.as_secs();
            words.warn(&format!(
                "{what} has ended ({how}), and is started again in {again} s; its log: {}",
                log.display()
            ));
        }
        Event::ProgramEnded { name, how } => {
            let log = world.logs.join(format!("{name}.log"));
            words.warn(&format!("{name}: its program has ended ({how}); the next request starts it again; its log: {}", log.display()));
        }
    }
}

/// The servers of a file; one that is this very endpoint is left out.
fn read(file: &Path, port: u16) -> Result<Servers, String> {
    let variables = Variables {
        environment: &|name| std::env::var(name).ok(),
        input: &ask,
        folder: project(file),
        missing: Missing::Refused,
    };
    let mut servers = load(file, &variables)?;
    let own = |server: &crate::servers::Server| match &server.reached {
        Reached::Url(remote) => {
            let url = remote.url().replace("//localhost:", "//127.0.0.1:");
            url == endpoint(port)
        }
        Reached::Command(_) => false,
    };
    for server in servers.servers.iter().filter(|server| own(server)) {
        servers.notes.push(format!("{} is left out: it is this endpoint", server.place));
    }
    servers.servers.retain(|server| !own(server));
    if servers.servers.is_empty() {
        return Err(format!("{}: no server but this endpoint is in it: add one", file.display()));
    }
    Ok(servers)
}

fn dry_run(arguments: &Run, file: &Path, servers: &Servers) -> Result<(), Ending> {
    let listen = Listen { port: arguments.port, admin: arguments.admin_port };
    let upstreams = config::upstreams(servers, 3101..);
    let text = config::print(file, listen, &arguments.place, &upstreams)?;
    for note in &servers.notes {
        report::note(note);
    }
    for upstream in &upstreams {
        let name = &upstream.server.name;
        report::say(&match &upstream.server.reached {
            Reached::Command(command) => {
                format!("would start {name}: {} behind a bridge", command.program)
            }
            Reached::Url(remote) => format!("would reach {name}: {}", remote.shown()),
        });
    }
    report::say(&format!(
        "would start Envoy at {}, with this configuration:",
        endpoint(arguments.port)
    ));
    anstream::print!("{text}");
    Ok(())
}

/// Another port that is likely free.
fn other(port: u16) -> u16 {
    if port < 55_000 { port + 10_000 } else { port - 10_000 }
}

/// What ends the program.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("no signals");
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(listen);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
