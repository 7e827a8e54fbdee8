//! What a well-behaved server answers, by method.

use super::Seen;
use super::http::raw_member;
use super::kind::usable;
use super::server::{List, Server};

/// The key of `_meta` that names the task of a message.
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

impl Server {
    /// The raw result. What is unknown to the gateway says who answers, and what was asked.
    pub(super) fn result(&self, seen: &Seen) -> String {
        let name = &self.name;
        let params = raw_member(&seen.body, "params").unwrap_or("{}".to_owned());
        let member = |key| raw_member(params.as_bytes(), key).unwrap_or_else(|| panic!("no {key}"));
        let echo = format!(r#""by":"{name}","params":{params}"#);
        match seen.method().as_str() {
            "tools/list" => self.page(seen, "tools"),
            "prompts/list" => self.page(seen, "prompts"),
            "resources/list" => self.page(seen, "resources"),
            "resources/templates/list" => self.page(seen, "resourceTemplates"),
            "tasks/list" => self.page(seen, "tasks"),
            "tools/call" => {
                format!(r#"{{"content":[{}],"structuredContent":{{{echo}}}}}"#, self.blocks())
            }
            "prompts/get" => {
                let messages = self.links.iter().map(|uri| {
                    let link = format!(r#"{{"type":"resource_link","name":"n","uri":{uri}}}"#);
                    format!(r#"{{"role":"user","content":{link}}}"#)
                });
                let messages: Vec<String> = messages.collect();
                format!(r#"{{"messages":[{}],"x":{{{echo}}}}}"#, messages.join(","))
            }
            "resources/read" => {
                let uri = member("uri");
                format!(r#"{{"contents":[{{"uri":{uri},"text":"of {name}"}}],"x":{{{echo}}}}}"#)
            }
            "ping" | "resources/subscribe" | "resources/unsubscribe" | "logging/setLevel" => {
                "{}".to_owned()
            }
            "completion/complete" => {
                format!(r#"{{"completion":{{"values":["{name}"]}},"x":{{{echo}}}}}"#)
            }
            "tasks/get" | "tasks/cancel" => {
                let task = member("taskId");
                format!(r#"{{"status":"working","taskId":{task},"x":{{{echo}}}}}"#)
            }
            "tasks/result" => {
                let (task, blocks) = (member("taskId"), self.blocks());
                let meta = format!(r#"{{"{RELATED_TASK}":{{"taskId":{task}}}}}"#);
                format!(r#"{{"content":[{blocks}],"x":{{{echo}}},"_meta":{meta}}}"#)
            }
            other => panic!("{name} does not know {other}"),
        }
    }

    /// Its links, as blocks of both kinds.
    fn blocks(&self) -> String {
        let blocks = self.links.iter().enumerate().map(|(at, uri)| {
            if at % 2 == 0 {
                format!(r#"{{"type":"resource_link","uri":{uri},"name":"n"}}"#)
            } else {
                format!(r#"{{"type":"resource","resource":{{"text":"t","uri":{uri}}}}}"#)
            }
        });
        blocks.collect::<Vec<_>>().join(",")
    }

    fn page(&self, seen: &Seen, member: &str) -> String {
        let Some(List { pages, cursors }) = self.lists.get(&seen.method()) else {
            return format!(r#"{{"{member}":[]}}"#);
        };
        let params = raw_member(&seen.body, "params");
        let cursor = params.and_then(|params| raw_member(params.as_bytes(), "cursor"));
        let at = match &cursor {
            None => 0,
            Some(cursor) => {
                let known = cursors.iter().position(|it| it == cursor);
                1 + known.unwrap_or_else(|| panic!("not a cursor of {}: {cursor}", self.name))
            }
        };
        let method = seen.method();
        let items = pages[at].iter().map(|item| usable(&method, item));
        let items = items.collect::<Vec<_>>().join(",");
        let next = cursors.get(at);
        let next = next.map_or(String::new(), |next| format!(r#","nextCursor":{next}"#));
        format!(r#"{{"{member}":[{items}]{next}}}"#)
    }
}
