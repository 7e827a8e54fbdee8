//! The eras of the protocol beside each other.

use crate::results::Row;
use crate::subject::Subject::{self, Mux};
use crate::table::{Table, spread, times};

pub(super) const TITLE: &str = "Eras";
pub(super) const TEXT: &str = "\
This filter before clients with sessions (2025-06-18) and without (2026-07-28), and before upstreams of both. \
In brackets: as a multiple of a client and upstreams with sessions, round by round.\n\n";

/// Each pair of client and upstreams.
pub(super) fn table(rows: &[&Row]) -> String {
    let titles = Subject::ERAS
        .map(|it| if it == Mux { "client and servers with sessions" } else { it.title() });
    let head = ["CPU time of Envoy for a request, us"];
    let mut table = Table::new(&[&head[..], &titles[..]].concat());
    for row in rows {
        let cells = Subject::ERAS.map(|subject| {
            let cpu = spread(row.cpu(subject));
            if subject == Mux { cpu } else { format!("{cpu} ({})", times(row.ratio(subject, Mux))) }
        });
        table.row([row.title.clone()].into_iter().chain(cells));
    }
    if rows.is_empty() { String::new() } else { table.finish() + "\n" }
}
