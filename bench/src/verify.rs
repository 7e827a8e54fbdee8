//! Looks at one answer before thousands are counted: a subject that answers less has less to do.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::args::Upstream as Flags;
use crate::client::{Reply, start};
use crate::scenario::{Ask, ID, REVISION, STATELESS, TOKEN};
use crate::subject::{Subject, upstream_name};
use crate::upstream::{call_text, tools};

/// Is this what the subject must answer, in front of upstreams with these flags?
pub(crate) fn verify(subject: Subject, ask: Ask, flags: &Flags, reply: &Reply) -> Result<()> {
    let mut messages = reply.messages()?;
    let answer = messages.pop().context("an empty answer")?;
    ensure!(answer["id"] == json!(ID), "the answer has another id: {}", start(&answer.to_string()));
    let mut result = answer["result"].clone();
    // A client with a session gets what a stateless upstream says as it is.
    let passed = subject == Subject::ToStateless && matches!(ask, Ask::Call { .. });
    if subject.is_stateless() || passed {
        let kind = result.as_object_mut().and_then(|result| result.remove("resultType"));
        equal("the type of the result", &json!(kind), &json!("complete"))?;
    }
    let result = &result;
    match ask {
        Ask::Initialize if subject.is_stateless() => {
            let versions = result["supportedVersions"].as_array();
            let served = versions.is_some_and(|it| it.contains(&json!(STATELESS)));
            ensure!(served, "the revision is not served");
            ensure!(result["capabilities"]["tools"].is_object(), "no tools are announced");
            Ok(())
        }
        Ask::Call { .. } => call(flags, &messages, result),
        Ask::List => list(subject, flags, result),
        Ask::Ping => equal("the result", result, &json!({})),
        Ask::Initialize => {
            equal("the revision", &result["protocolVersion"], &json!(REVISION))?;
            ensure!(result["capabilities"]["tools"].is_object(), "no tools are announced");
            reply.header("mcp-session-id").context("no session id")?;
            Ok(())
        }
    }
}

fn call(flags: &Flags, notifications: &[Value], result: &Value) -> Result<()> {
    let expected = json!({"content": [{"type": "text", "text": call_text(flags)}]});
    equal("the result", result, &expected)?;
    let total = flags.progress as usize;
    ensure!(notifications.len() == total, "{} of {total} events", notifications.len());
    for (number, notification) in (1..).zip(notifications) {
        let params = &notification["params"];
        equal("a token", &params["progressToken"], &json!(TOKEN))?;
        equal("the progress", &params["progress"], &json!(number))?;
    }
    Ok(())
}

/// All tools of all upstreams, each as its upstream lists it but for its name. In the configured
/// order, except from `mcp_router`, whose order is that in which the answers came.
fn list(subject: Subject, flags: &Flags, result: &Value) -> Result<()> {
    let mut listed = result["tools"].as_array().context("no tools")?.clone();
    ensure!(result.get("nextCursor").is_none(), "not all tools are on the first page");
    if subject == Subject::Router {
        listed.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    }
    let mut servers: Vec<String> = (0..flags.listeners as usize).map(upstream_name).collect();
    servers
        .sort_by_key(|name| if subject == Subject::Router { name.clone() } else { String::new() });
    let tools = tools(flags);
    let expected = servers.iter().flat_map(|server| tools.iter().map(move |tool| (server, tool)));
    let wanted = servers.len() * tools.len();
    ensure!(listed.len() == wanted, "{} of {wanted} tools", listed.len());
    for (listed, (server, tool)) in listed.iter().zip(expected) {
        let mut tool = tool.clone();
        tool["name"] = json!(format!("{server}__{}", tool["name"].as_str().unwrap_or_default()));
        equal("a tool", listed, &tool)?;
    }
    Ok(())
}

fn equal(what: &str, found: &Value, expected: &Value) -> Result<()> {
    if found != expected {
        let (found, expected) = (found.to_string(), expected.to_string());
        bail!("{what} is {}, expected {}", start(&found), start(&expected));
    }
    Ok(())
}
