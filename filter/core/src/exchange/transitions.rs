//! Which state of an exchange may follow which: all there is, as data.
//!
//! Debug builds hold every event to it, so a transition that is not in here fails a test; the diagram in
//! the documentation of [`crate::exchange`] is made from it. Two things stand in no row: any state may
//! follow itself, and when the client is gone, everything is over.

/// One of the machines of an exchange.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    /// The first row's state is the one that the machine begins with.
    pub(crate) rows: &'static [Row],
}

/// One transition: from, to, when.
pub(crate) type Row = (&'static str, &'static str, &'static str);

/// The client's request.
pub(crate) const REQUEST: Machine = Machine {
    name: "Request",
    rows: &[
        ("Fresh", "Intake", "a POST"),
        ("Fresh", "Held", "a GET or DELETE, for which upstreams are asked"),
        ("Fresh", "Sent", "a GET whose upstream is known"),
        ("Fresh", "Dropped", "answered: a GET, refused by its head, or a POST without a body"),
        ("Fresh", "Bypass", "another path"),
        ("Intake", "Held", "complete; upstreams are asked"),
        ("Intake", "Streaming", "large, and its upstream is known"),
        ("Intake", "Sent", "complete; its upstream is known"),
        ("Intake", "Answered", "answered with its last byte, before its end was reported"),
        ("Intake", "Dropped", "answered, by the gateway or by the proxy"),
        ("Held", "Sent", "its upstream is known, and open"),
        ("Held", "Dropped", "answered"),
        ("Held", "Bypass", "the proxy has given up on it"),
        ("Streaming", "Sent", "complete"),
        ("Streaming", "Dropped", "answered: refused late, or by its upstream"),
        ("Sent", "Dropped", "answered"),
        ("Answered", "Dropped", "its end was reported"),
    ],
};

/// The response to a routed request.
pub(crate) const RESPONSE: Machine = Machine {
    name: "Response",
    rows: &[
        ("Idle", "Awaited", "the request went on"),
        ("Idle", "Error", "the request is longer than the proxy holds"),
        ("Idle", "Bypass", "the gateway has answered, or another path"),
        ("Awaited", "Json", "a JSON response"),
        ("Awaited", "Sse", "an event stream"),
        (
            "Awaited",
            "Error",
            "anything that a client could not use, or that may turn out to be that",
        ),
        ("Awaited", "Held", "the upstream has lost the session, and says no more"),
        ("Awaited", "Bypass", "nothing in it changes, or the request was refused"),
        ("Json", "Bypass", "complete"),
        ("Sse", "Bypass", "complete"),
        ("Error", "Held", "the upstream has lost the session"),
        ("Error", "Json", "it is of use: a JSON response"),
        ("Error", "Sse", "the same, an event stream"),
        ("Error", "Bypass", "answered"),
        ("Held", "Bypass", "answered"),
    ],
};

/// What upstreams are asked.
pub(crate) const FAN_OUT: Machine = Machine {
    name: "Fan-out",
    rows: &[
        ("Idle", "Asking", "upstreams are asked"),
        ("Idle", "AwaitList", "another exchange asks for the same list"),
        ("Idle", "Merged", "the client listens to all"),
        ("Idle", "Relay", "a call that may need input of its client"),
        ("AwaitList", "Asking", "the other one got nothing for this client"),
        ("AwaitList", "Idle", "the list is there"),
        ("Asking", "Idle", "every upstream has answered or failed"),
        ("Asking", "Relay", "the same, and such a call goes to one of them"),
        ("Merged", "Idle", "its session is over"),
        ("Relay", "Asking", "the upstream wants other headers, or is of the other era"),
        ("Relay", "Idle", "answered"),
    ],
};

impl Machine {
    /// Whether the state `to` may follow `from`.
    pub(crate) fn allows(&self, from: &str, to: &str) -> bool {
        from == to || self.rows.iter().any(|row| (row.0, row.1) == (from, to))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    const MACHINES: [&Machine; 3] = [&REQUEST, &RESPONSE, &FAN_OUT];

    /// The machines, as the documentation shows them.
    fn diagram() -> String {
        let mut out = String::new();
        for machine in MACHINES {
            let _ = writeln!(out, "{}", machine.name);
            let mut last = "";
            for (from, to, when) in machine.rows {
                let shown = if *from == last { "" } else { from };
                let _ = writeln!(out, "  {shown:9} ──▶ {to:9}  {when}");
                last = from;
            }
        }
        out
    }

    /// The block of text that begins with the first machine's name, in a file of Markdown or in comments.
    fn block(text: &str) -> String {
        let lines = text.lines().map(|line| line.strip_prefix("//! ").unwrap_or(line));
        let from = lines.skip_while(|line| *line != REQUEST.name);
        let lines: Vec<&str> = from.take_while(|line| *line != "```").collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn the_diagram_is_made_from_the_table() {
        let diagram = diagram();
        assert_eq!(
            block(include_str!("mod.rs")),
            diagram,
            "exchange/mod.rs should have:\n{diagram}"
        );
    }

    #[test]
    fn every_state_can_be_reached() {
        for machine in MACHINES {
            let mut reached = BTreeSet::from([machine.rows[0].0]);
            for _ in machine.rows {
                let next = machine.rows.iter().filter(|row| reached.contains(row.0));
                let next: Vec<&str> = next.map(|row| row.1).collect();
                reached.extend(next);
            }
            for (from, to, _) in machine.rows {
                assert!(reached.contains(from) && reached.contains(to), "{}: {from}", machine.name);
            }
        }
    }

    #[test]
    fn no_transition_stands_twice() {
        for machine in MACHINES {
            let rows: BTreeSet<_> = machine.rows.iter().map(|row| (row.0, row.1)).collect();
            assert_eq!(rows.len(), machine.rows.len(), "{}", machine.name);
            assert!(rows.iter().all(|(from, to)| from != to), "{}", machine.name);
        }
    }
}
