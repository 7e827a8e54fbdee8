//! `mcp-mux pin`: the digests of an endpoint's tools.

use std::collections::BTreeMap;

use mcp_mux_core::tool_digest;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Ending;
use super::tools::{failed, open};
use crate::args::Asked;

/// Prints them.
///
/// # Errors
///
/// The endpoint does not answer, or a tool has no digest.
pub async fn run(arguments: &Asked) -> Result<(), Ending> {
    let mut endpoint = open(arguments).await?;
    let tools = endpoint.list("tools/list", "tools").await;
    endpoint.close().await;
    let tools = tools.map_err(|error| failed(arguments, &error))?;
    if tools.is_empty() {
        return Err(failed(arguments, "it has no tools: nothing to pin"));
    }
    let digests = digests(&tools).map_err(|error| failed(arguments, &error))?;
    if arguments.json {
        let digests = serde_json::to_string_pretty(&digests).map_err(anyhow::Error::from)?;
        anstream::println!("{digests}");
    } else {
        anstream::print!("{}", as_yaml(&digests));
    }
    Ok(())
}

fn digests(tools: &[Box<RawValue>]) -> Result<BTreeMap<String, String>, String> {
    let mut digests = BTreeMap::new();
    for tool in tools {
        let read: Value = serde_json::from_str(tool.get()).unwrap_or_default();
        let name =
            read.get("name").and_then(Value::as_str).ok_or("it lists a tool without a name")?;
        let digest =
            tool_digest(tool.get()).map_err(|error| format!("the tool {name:?}: {error}"))?;
        if digests.insert(name.to_owned(), digest.to_string()).is_some() {
            return Err(format!("it lists the tool {name:?} twice"));
        }
    }
    Ok(digests)
}

/// As an upstream has it below `tools`.
fn as_yaml(digests: &BTreeMap<String, String>) -> String {
    let line = |(name, digest): (&String, &String)| {
        format!("  {}: {digest}\n", serde_json::Value::from(name.as_str()))
    };
    std::iter::once("pin:\n".to_owned()).chain(digests.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(texts: &[&str]) -> Vec<Box<RawValue>> {
        texts.iter().map(|it| RawValue::from_string((*it).to_owned()).expect("JSON")).collect()
    }

    #[test]
    fn a_digest_is_of_the_canonical_form() {
        // sha256 of {"inputSchema":{"type":"object"},"name":"echo","size":1}
        let digest = "2227924ff5daed44da0a6299e872d2ea813c960a1870866ecd6d685cfc5ebbf4";
        for text in [
            r#"{"name":"echo","inputSchema":{"type":"object"},"size":1.0}"#,
            r#"{ "size" : 1e0, "inputSchema": {"type": "\u006fbject"}, "name": "echo" }"#,
        ] {
            let digests = digests(&tools(&[text])).expect("digests");
            assert_eq!(digests["echo"], digest, "{text}");
            assert_eq!(as_yaml(&digests), format!("pin:\n  \"echo\": {digest}\n"));
        }
    }

    #[test]
    fn what_has_no_digest_is_told() {
        for (texts, words) in [
            (&["{}"][..], "without a name"),
            (&[r#"{"name":"a"}"#, r#"{"name":"a"}"#], "twice"),
            (&[r#"{"name":"a","x":1,"x":2}"#], "\"a\""),
        ] {
            let refused = digests(&tools(texts)).expect_err("refused");
            assert!(refused.contains(words), "{refused}");
        }
    }
}
