//! Where each message of a client goes: the only routing table.
//!
//! | message | goes to |
//! |---|---|
//! | `initialize` | all upstreams, joined; opens the session |
//! | `ping` | answered here |
//! | a list | all upstreams that have the capability, joined |
//! | a call by name | the one upstream that owns the name |
//! | a broadcast | all upstreams; the client gets 202 |
//! | any other notification, any response | nowhere; the client gets 202 |
//! | any other request | nowhere; -32601 |

use crate::capability::Capabilities;

/// A row: a method, its label in counters, and what is done with it.
#[derive(Debug)]
pub struct Row {
    /// The method as it stands in the message.
    pub method: &'static str,
    /// The method in the names of counters.
    pub label: &'static str,
    /// Where it goes.
    pub target: Target,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// The handshake.
    Initialize,
    /// Answered by the gateway alone.
    Ping,
    /// Every upstream with the capability; their lists become one.
    List(Listing),
    /// The upstream that owns `params.name`.
    Named,
    /// Every upstream of the session; a notification.
    Broadcast,
}

/// A kind of list.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// The method to ask upstreams with.
    pub method: &'static str,
    /// The member of the result that holds the items.
    pub member: &'static str,
    /// Upstreams without it are not asked.
    pub capability: Capabilities,
}

/// The label of requests that have no row.
pub const OTHER: &str = "other";
/// The label of the stream that a GET opens.
pub const GET: &str = "get";
/// The label of the DELETE that ends a session.
pub const DELETE: &str = "delete";

const TOOLS: Listing =
    Listing { method: "tools/list", member: "tools", capability: Capabilities::TOOLS };

const ROWS: [Row; 6] = [
    Row { method: "tools/call", label: "tools_call", target: Target::Named },
    Row { method: "tools/list", label: "tools_list", target: Target::List(TOOLS) },
    Row { method: "initialize", label: "initialize", target: Target::Initialize },
    Row { method: "ping", label: "ping", target: Target::Ping },
    Row { method: "notifications/initialized", label: "initialized", target: Target::Broadcast },
    Row { method: "notifications/cancelled", label: "cancelled", target: Target::Broadcast },
];

/// The row of a method.
#[must_use]
pub fn row(method: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.method == method)
}
