//! What the upstream has to say: tools that look like tools, texts that look like texts.

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::args::Upstream as Flags;
use crate::subject::upstream_name;

const TEXT: &str = "Reads the page at the URL and returns what it says, \
                    without \"navigation\" and advertisements.\n";

/// What is answered, made once.
pub(crate) struct Content {
    /// What the session ids of this process begin with.
    pub(crate) session_prefix: String,
    /// The result of a call.
    pub(crate) call: Bytes,
    /// The same in the stateless era.
    pub(crate) call_stateless: Bytes,
    pages: Vec<Bytes>,
}

impl Content {
    /// Of each server.
    pub(crate) fn of(flags: &Flags) -> Self {
        Self::with(flags, &tools(flags))
    }

    /// Of one that has the tools of all of them, under the names that a gateway gives them.
    pub(crate) fn joined(flags: &Flags) -> Self {
        let own = tools(flags);
        let named = |server: usize| {
            own.iter().map(move |tool| {
                let mut tool = tool.clone();
                let name = tool["name"].as_str().unwrap_or_default();
                tool["name"] = json!(format!("{}__{name}", upstream_name(server)));
                tool
            })
        };
        let all: Vec<Value> = (0..flags.listeners as usize).flat_map(named).collect();
        Self::with(flags, &all)
    }

    fn with(flags: &Flags, tools: &[Value]) -> Self {
        let call = json!({"content": [{"type": "text", "text": call_text(flags)}]});
        let mut call_stateless = call.clone();
        call_stateless["resultType"] = json!("complete");
        let size = if flags.page == 0 { tools.len() } else { flags.page as usize };
        let count = tools.len().div_ceil(size.max(1));
        let page = |(number, tools): (usize, &[Value])| {
            let mut page = json!({"tools": tools});
            if number + 1 < count {
                page["nextCursor"] = json!(format!("page-{}", number + 1));
            }
            page.to_string().into()
        };
        let mut pages: Vec<Bytes> = tools.chunks(size.max(1)).enumerate().map(page).collect();
        if pages.is_empty() {
            pages.push(Bytes::from_static(br#"{"tools":[]}"#));
        }
        let session_prefix = format!("bench-{}-", std::process::id());
        let [call, call_stateless] = [call, call_stateless].map(|it| it.to_string().into());
        Self { session_prefix, call, call_stateless, pages }
    }

    /// The page that a cursor leads to.
    pub(crate) fn page(&self, cursor: Option<&str>) -> Option<Bytes> {
        let number = match cursor {
            None => 0,
            Some(cursor) => cursor.strip_prefix("page-")?.parse().ok()?,
        };
        self.pages.get(number).cloned()
    }
}

/// The text that a call is answered with.
pub(crate) fn call_text(flags: &Flags) -> String {
    text(flags.answer_size as usize)
}

/// A text of so many bytes, in lines, with a quote here and there.
pub(crate) fn text(bytes: usize) -> String {
    TEXT.chars().cycle().take(bytes).collect()
}

/// The tools of a server. They say nothing but what every gateway carries: no `title`, no
/// `outputSchema`, which `mcp_router` drops.
pub(crate) fn tools(flags: &Flags) -> Vec<Value> {
    let property = json!({"type": "string", "description": "The URL of the page to read"});
    (0..flags.tools)
        .map(|number| {
            let properties: serde_json::Map<String, Value> =
                (0..4).map(|n| (format!("argument_{n}"), property.clone())).collect();
            let mut tool = json!({
                "name": format!("tool_{number:04}"),
                "description": "",
                "inputSchema": {
                    "type": "object",
                    "properties": properties,
                    "required": ["argument_0"],
                },
            });
            let missing = (flags.tool_size as usize).saturating_sub(tool.to_string().len());
            tool["description"] = json!(text(missing));
            tool
        })
        .collect()
}

/// One progress event.
pub(crate) fn progress(token: &str, number: u32, total: u32) -> Bytes {
    format!(
        "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":\
         {{\"progressToken\":{token},\"progress\":{number},\"total\":{total},\
         \"message\":\"step {number} of {total}\"}}}}\n\n"
    )
    .into()
}
