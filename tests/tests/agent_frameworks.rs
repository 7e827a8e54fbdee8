//! Agent frameworks, driven without a model: which tools they see, and what they do when the gateway
//! does not know their session any more.

use std::net::SocketAddr;

use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::real::{agent, newer_node};
use mcp_mux_tests::server::tool;
use mcp_mux_tests::talk::Talk;
use mcp_mux_tests::{Envoy, Setup, Upstream, repository};
use serde_json::Value;
use tokio::process::Command;

#[derive(Debug, Clone, Copy)]
enum Framework {
    /// Opens a new session if code and message of an error are those that the Python SDK makes of 404.
    GoogleAdk,
    /// Opens a new session and calls again if an error's text has `HTTP 404`.
    Mastra,
    /// Never opens a new session, and reads one page of a list.
    AutoGen,
}

impl Framework {
    fn command(self) -> Command {
        let python = |framework: &str, client: &str| {
            let mut command = Command::new(agent(framework).join("bin/python"));
            // Leaves no compiled modules in the repository, and looks for no cloud.
            command.arg("-B").arg(repository(client)).env("NO_GCE_CHECK", "true");
            command
        };
        match self {
            Self::GoogleAdk => python("google-adk", "tests/clients/google_adk.py"),
            Self::AutoGen => python("autogen", "tests/clients/autogen.py"),
            Self::Mastra => {
                let mut command = Command::new(newer_node());
                command.arg(repository("tests/clients/mastra.mjs")).arg(agent("mastra"));
                command
            }
        }
    }

    fn start(self, address: SocketAddr) -> Agent {
        Agent(Talk::start(self.command().arg(format!("http://{address}/mcp"))))
    }
}

/// A running client of a framework.
struct Agent(Talk);

impl Agent {
    /// The names of the tools that it sees, sorted.
    async fn tools(&mut self) -> Vec<String> {
        self.0.say("tools").await;
        let said = self.0.until("the tools", |said| !said["tools"].is_null()).await;
        let names = said["tools"].as_array().expect("a list").iter();
        let mut names: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
        names.sort();
        names
    }

    /// What the tool has answered, or what the call has failed with.
    async fn call(&mut self, name: &str) -> Result<String, String> {
        self.0.say(&format!("call {name}")).await;
        let mut said = self.0.until(name, |said| said["call"] == name).await;
        match said["text"].take() {
            Value::String(text) => Ok(text),
            _ => Err(said["error"].to_string()),
        }
    }
}

/// An agent that has called a tool, and a gateway that comes back on its port.
struct World {
    upstream: Upstream,
    setup: Setup,
    envoy: Envoy,
    agent: Agent,
    _port: ClosedPort,
}

impl World {
    async fn of(framework: Framework, configure: impl FnOnce(Setup) -> Setup) -> Self {
        let (upstream, port) = (Upstream::named("a").start().await, ClosedPort::reserve());
        let setup = configure(Setup::new().upstream(&upstream).port(port.address.port()));
        let envoy = setup.clone().start().await;
        let mut agent = framework.start(envoy.address);
        assert_eq!(agent.tools().await, ["a__echo"]);
        assert_eq!(agent.call("a__echo").await.as_deref(), Ok("a:echo"));
        Self { upstream, setup, envoy, agent, _port: port }
    }

    async fn restart(self) -> Self {
        let Self { setup, envoy, .. } = self;
        drop(envoy);
        Self { envoy: setup.clone().start().await, setup, ..self }
    }

    fn sessions(&self) -> usize {
        self.upstream.seen_of("initialize").len()
    }
}

#[tokio::test]
async fn google_adk_opens_a_new_session_when_its_own_cannot_be_opened() {
    let mut world = World::of(Framework::GoogleAdk, |setup| setup).await.restart().await;
    // It has no second try of its own for a call, since that may have been made.
    let first = world.agent.call("a__echo").await.expect_err("the call that finds out");
    assert!(first.contains("Session terminated"), "{first}");
    assert_eq!(world.agent.call("a__echo").await.as_deref(), Ok("a:echo"));
    let mut world = world.restart().await;
    // An agent lists before it calls, and finds out there.
    assert_eq!(world.agent.tools().await, ["a__echo"]);
    assert_eq!(world.agent.call("a__echo").await.as_deref(), Ok("a:echo"));
    assert_eq!(world.sessions(), 3);
}

#[tokio::test]
async fn mastra_opens_a_new_session_when_its_own_cannot_be_opened() {
    let mut world = World::of(Framework::Mastra, |setup| setup).await.restart().await;
    assert_eq!(world.agent.call("a__echo").await.as_deref(), Ok("a:echo"));
    let mut world = world.restart().await;
    assert_eq!(world.agent.tools().await, ["a__echo"]);
    assert_eq!(world.agent.call("a__echo").await.as_deref(), Ok("a:echo"));
    assert_eq!(world.sessions(), 3);
}

#[tokio::test]
async fn with_the_same_keys_every_framework_goes_on_in_its_session() {
    for framework in [Framework::GoogleAdk, Framework::Mastra, Framework::AutoGen] {
        let world = World::of(framework, |setup| setup.keys(b"A")).await;
        let mut world = world.restart().await;
        assert_eq!(world.agent.call("a__echo").await.as_deref(), Ok("a:echo"), "{framework:?}");
        assert_eq!(world.agent.tools().await, ["a__echo"], "{framework:?}");
        // Mastra has no session of its own: each worker of the gateway keeps one for it.
        if !matches!(framework, Framework::Mastra) {
            assert_eq!(world.sessions(), 1, "{framework:?}");
        }
    }
}

#[tokio::test]
async fn frameworks_that_read_one_page_see_the_tools_of_every_page() {
    let [one, two, three, four] = ["one", "two", "three", "four"].map(tool);
    let a = Upstream::named("a").pages(&[&[&one, &two], &[&three]]).start().await;
    let b = Upstream::named("b").pages(&[&[&one], &[&two], &[&three], &[&four]]).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let all = ["a__one", "a__three", "a__two", "b__four", "b__one", "b__three", "b__two"];
    for framework in [Framework::AutoGen, Framework::GoogleAdk] {
        assert_eq!(framework.start(a.address).tools().await, ["one", "two"], "{framework:?}");
        let mut agent = framework.start(envoy.address);
        assert_eq!(agent.tools().await, all, "{framework:?}");
        assert_eq!(agent.call("b__four").await.as_deref(), Ok("b:four"), "{framework:?}");
    }
}
