//! What is said in MCP, to be garbled.

use crate::world::INITIALIZE;

/// Words of the trade.
pub(super) const WORDS: [&str; 46] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "1e999",
    "-",
    "0",
    "\"id\"",
    "\"name\"",
    "\"method\"",
    "\"params\"",
    "\"result\"",
    "\"error\"",
    "\"tools\"",
    "\"nextCursor\"",
    "\"_meta\"",
    "data:",
    "event:",
    "\n\n",
    "\r",
    "\u{feff}",
    "a__t",
    " ",
    "\"uri\"",
    "\"taskId\"",
    "\"ref\"",
    "\"content\"",
    "\"contents\"",
    "\"messages\"",
    "\"ui\"",
    "\"type\":\"resource_link\"",
    "a+x:y",
    "ui://a/",
    "\"a:1\"",
    "\"resultType\":\"task\"",
    "\"taskIds\"",
    "id:",
    "id: a:t:1\n",
    "\r\n",
];

/// Requests about everything that there is.
pub(super) const ASKED: [(&str, &str); 18] = [
    ("initialize", INITIALIZE),
    ("ping", "{}"),
    ("tools/call", r#"{"name":"late__t","arguments":{}}"#),
    ("tools/call", r#"{"name":"a__t","arguments":{"name":"b__t"}}"#),
    ("tools/call", r#"{"name":"t","task":{}}"#),
    ("prompts/list", "{}"),
    ("prompts/get", r#"{"name":"b__t"}"#),
    ("prompts/get", r#"{"name":"of-late"}"#),
    ("resources/list", "{}"),
    ("resources/templates/list", "{}"),
    ("resources/read", r#"{"uri":"a+x:y"}"#),
    ("resources/read", r#"{"uri":"ui://late/y"}"#),
    ("resources/subscribe", r#"{"uri":"b+x:y"}"#),
    ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"t"},"argument":{}}"#),
    ("completion/complete", r#"{"ref":{"type":"ref/resource","uri":"a+x:{y}"}}"#),
    ("logging/setLevel", r#"{"level":"info"}"#),
    ("tasks/list", "{}"),
    ("tasks/result", r#"{"taskId":"b:1"}"#),
];

/// What needs no answer.
pub(super) const TOLD: [&str; 6] = [
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
    r#"{"jsonrpc":"2.0","id":"a:1","result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a:1"}}}}"#,
    r#"{"jsonrpc":"2.0","id":"b:\"x\"","error":{"code":-1,"message":"no"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"a:1","progress":1}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
];

/// What servers send by themselves.
pub(super) const OWN: [&str; 3] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"includeContext":"x","messages":[{"content":[{"type":"tool_result","content":[{"type":"resource_link","uri":"x:y"}]}]}],"_meta":{"progressToken":1}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"ui://y"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"1"}}"#,
];
