//! What is not as it should be, and what to do about it. Whatever else the page should warn of has its place here.

use super::page::{SLOW, Server, State, Tool};
use crate::effect::Ending;

/// Something to look after.
#[derive(Debug)]
pub(super) struct Warning {
    /// The upstream that it is about; empty if it is about none.
    pub(super) server: String,
    /// The tool of that; empty if it is about none.
    pub(super) tool: String,
    /// What is the matter, in one sentence.
    pub(super) what: String,
    /// What to do about it.
    pub(super) advice: String,
}

/// All of them, the worst first. `changed` are pinned tools that are something else now: their upstreams, and what
/// these call them.
pub(super) fn of(
    servers: &[Server],
    tools: &[Tool],
    changed: &[(String, String)],
    has_own_key: bool,
) -> Vec<Warning> {
    let changed = changed.iter().map(|(server, name)| changed_tool(server, name));
    let failing = servers.iter().filter(|it| it.state == State::Failing).map(failing_server);
    let tool = |state: State| tools.iter().filter(move |it| it.state == state);
    let slow = servers.iter().filter(|it| it.state == State::Slow).map(slow_server);
    let is_slow = |name: &str| servers.iter().any(|it| it.state == State::Slow && it.name == name);
    // Of a slow server, all tools are.
    let slow_tools = tool(State::Slow).filter(|it| !is_slow(&it.server)).map(slow_tool);
    let left_out = servers.iter().filter(|it| it.left_out > 0).map(left_out);
    let all = failing.chain(changed).chain(tool(State::Failing).map(failing_tool)).chain(slow);
    all.chain(slow_tools).chain(left_out).chain(has_own_key.then(own_key)).collect()
}

fn failing_server(it: &Server) -> Warning {
    let (count, failed) = it.lately;
    let error = it.last_error.as_ref().map_or(String::new(), |(_, what)| format!(": {what}"));
    Warning {
        server: it.name.clone(),
        tool: String::new(),
        what: format!("{failed} of its last {count} answers did not come{error}"),
        advice: format!(
            "See whether it runs, and whether Envoy reaches it: cluster {} on Envoy's admin page /clusters. Its own log \
             says why it refuses.",
            it.cluster
        ),
    }
}

fn changed_tool(server: &str, name: &str) -> Warning {
    Warning {
        server: server.to_owned(),
        tool: name.to_owned(),
        what: "its definition is not the one that was pinned".to_owned(),
        advice: "Read what it says now (mcp-mux tools URL --json). If that is right, put what mcp-mux pin URL prints into \
                 tools.pin; if not, take it out with tools.deny."
            .to_owned(),
    }
}

fn slow_server(it: &Server) -> Warning {
    Warning {
        server: it.name.clone(),
        tool: String::new(),
        what: format!("half of its last {} answers took {} or more", it.lately.0, time(it.median)),
        advice: "Look at its load, or run more of it behind its cluster. mcp_mux_upstream_ms shows since when. Clients \
                 wait for it with every list, for as long as its timeout in the configuration allows."
            .to_owned(),
    }
}

fn failing_tool(it: &Tool) -> Warning {
    let (count, failed) = it.lately;
    let how = match it.last_failure {
        Some(Ending::ToolError) => "the last time with an error of the tool (isError)".to_owned(),
        Some(Ending::Timeout) => "the last time since no answer came in time".to_owned(),
        Some(Ending::Error(code)) => format!("the last time with JSON-RPC error {code}"),
        _ => "the last time since its server was not reached".to_owned(),
    };
    let advice = match it.last_failure {
        Some(Ending::Error(-32602)) => {
            "Its callers send arguments that it refuses: compare them with its inputSchema. The access log has the calls."
        }
        Some(Ending::Timeout) => {
            "See what it waits for; its call_timeout and the timeout of Envoy's route bound a call."
        }
        _ => {
            "Its answer says why: call it once by hand. The access log has the calls, and its server's log the reason."
        }
    };
    Warning {
        server: it.server.clone(),
        tool: it.name.clone(),
        what: format!("{failed} of its last {count} calls failed, {how}"),
        advice: advice.to_owned(),
    }
}

fn slow_tool(it: &Tool) -> Warning {
    Warning {
        server: it.server.clone(),
        tool: it.name.clone(),
        what: format!("half of its last {} calls took {} or more", it.lately.0, time(it.median)),
        advice: "Its server is quick with other requests, so it is the tool that takes its time."
            .to_owned(),
    }
}

fn left_out(it: &Server) -> Warning {
    Warning {
        server: it.name.clone(),
        tool: String::new(),
        what: format!("{} items of its lists were left out", it.left_out),
        advice: "Clients could not read them, or another server has the same name. Envoy's log names them.".to_owned(),
    }
}

fn own_key() -> Warning {
    Warning {
        server: String::new(),
        tool: String::new(),
        what: "sessions end when Envoy does".to_owned(),
        advice:
            "Set session.keys_env (or session.keys) in the configuration, the same on all replicas."
                .to_owned(),
    }
}

/// Microseconds, for people.
pub(super) fn time(microseconds: Option<u64>) -> String {
    match microseconds {
        None => "–".to_owned(),
        Some(it @ ..1_000) => format!("{it} µs"),
        Some(it @ ..10_000) => format!("{}.{} ms", it / 1_000, it % 1_000 / 100),
        Some(it @ ..SLOW) => format!("{} ms", it / 1_000),
        Some(it) => format!("{}.{} s", it / 1_000_000, it % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (microseconds, shown) in [
            (None, "–"),
            (Some(7), "7 µs"),
            (Some(1_234), "1.2 ms"),
            (Some(56_789), "56 ms"),
            (Some(1_000_000), "1.0 s"),
            (Some(61_250_000), "61.2 s"),
        ] {
            assert_eq!(time(microseconds), shown);
        }
    }
}
