//! Threads that serve one session with one memory, each as a worker of its own. Whatever they do to each other, who
//! stays gets an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_mux_core::ListChanged;
use mcp_mux_driver::{Shared, SharedNotes};
use serde_json::json;

use crate::maps::{Answers, Client, Process};

const THREADS: u64 = 4;
const ROUNDS: u64 = 1000;

/// How long a request may take, so that a waker that was lost is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Marsaglia's xorshift64.
struct Chance(u64);

impl Chance {
    fn one_in(&mut self, end: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.is_multiple_of(end)
    }
}

/// Lets everything happen to a request until it is answered.
#[expect(clippy::disallowed_methods, reason = "real threads take real time")]
fn finish(process: &Process, client: &mut Client) {
    let begun = Instant::now();
    while client.replies.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nobody has woken it up");
        client.answer_calls();
        match process.woken.next() {
            Some(stream) => stream.wake(client),
            None => std::thread::yield_now(),
        }
    }
    assert_eq!(client.reply().status, 200);
}

fn serve(number: u64, session: &str, shared: &Arc<Shared>, notes: &Arc<SharedNotes>) -> usize {
    let process = Process::on(shared, notes);
    let mut chance = Chance(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut waited = 0;
    for _ in 0..ROUNDS {
        if chance.one_in(3) {
            notes.list_changed(ListChanged::Tools);
        }
        let mut client = process.client(Answers::Later);
        client.send(session, "tools/list", &json!({}));
        waited += usize::from(client.calls.is_empty() && client.replies.is_empty());
        if chance.one_in(4) {
            // Its client leaves, whether it asks or waits.
            std::thread::yield_now();
            continue;
        }
        let cancelled = json!({"requestId": 1}).to_string();
        let cancelled = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{cancelled}}}"#
        );
        if chance.one_in(2) {
            process.client(Answers::AtOnce).post(session, "POST", &cancelled);
        }
        finish(&process, &mut client);
    }
    waited
}

#[test]
fn who_stays_is_served_and_nothing_is_left() {
    let process = Process::new(3, json!({"catalog": {"ttl": "60s", "scope": "session"}}));
    let session = process.session();
    let (shared, notes) = (process.worker.shared().clone(), process.notes.clone());
    let (session, shared, notes) = (&session, &shared, &notes);
    let waited: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || serve(number + 1, session, shared, notes)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert!(waited > 0, "nobody has waited for another thread");
    assert_eq!((shared.lists_under_way(), shared.waiting()), (0, 0));
}
