//! What the driver promises to a host.

/// A host that talks to nobody.
mod maps;
mod metrics;
/// Real threads that share one memory.
mod threads;
/// What takes long is done in turns.
mod turns;

use std::rc::Rc;

use mcp_mux_core::effect::Reply;
use serde_json::{Value, json};

use maps::{Answers, Process};

fn tools(reply: &Reply) -> usize {
    let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
    body["result"]["tools"].as_array().expect("tools").len()
}

#[test]
fn a_host_may_answer_within_the_call_that_asks() {
    let process = Process::new(3, json!({}));
    let session = process.session();
    let mut client = process.client(Answers::AtOnce);
    client.send(&session, "tools/list", &json!({}));
    assert_eq!(tools(client.reply()), 3);
}

#[test]
fn answers_within_calls_take_no_stack() {
    let test = || {
        // All pages are asked for, one after the other.
        let process = Process::new(1, json!({"naming": {"prefix": "never"}}));
        let session = process.session();
        let mut client = process.client(Answers::AtOnce);
        client.pages = 500;
        client.send(&session, "tools/list", &json!({}));
        assert_eq!(client.reply().status, 200);
    };
    let small = std::thread::Builder::new().stack_size(512 * 1024).spawn(test);
    small.expect("a thread").join().expect("enough stack");
}

#[test]
fn a_call_may_fail_before_it_returns() {
    let process = Process::new(3, json!({}));
    let session = process.session();
    let mut client = process.client(Answers::Never);
    client.send(&session, "tools/list", &json!({}));
    assert!(String::from_utf8_lossy(&client.reply().body).contains(r#""error""#));
}

#[test]
fn who_waits_for_a_list_is_woken_up_with_it() {
    let process = Process::new(2, json!({"catalog": {"ttl": "60s", "scope": "session"}}));
    let session = process.session();
    let [mut first, mut second] = [Answers::Later; 2].map(|it| process.client(it));
    first.send(&session, "tools/list", &json!({}));
    second.send(&session, "tools/list", &json!({}));
    assert_eq!(
        (first.calls.len(), second.calls.len(), process.worker.shared().waiting()),
        (2, 0, 1)
    );
    first.answer_calls();
    assert!(second.replies.is_empty(), "not within another's event");
    let woken = process.woken.next().expect("a stream");
    assert!(Rc::ptr_eq(&woken, &second.stream) && process.woken.is_empty());
    woken.wake(&mut second);
    assert_eq!((tools(first.reply()), tools(second.reply())), (2, 2));
}

#[test]
fn who_waits_goes_on_when_the_one_that_asks_is_gone() {
    let process = Process::new(2, json!({"catalog": {"ttl": "60s", "scope": "session"}}));
    let session = process.session();
    let [mut first, mut second] = [Answers::Later; 2].map(|it| process.client(it));
    first.send(&session, "tools/list", &json!({}));
    second.send(&session, "tools/list", &json!({}));
    drop(first);
    // First it hears that nobody asks, then it asks.
    for _ in 0..2 {
        process.woken.next().expect("a stream").wake(&mut second);
    }
    second.answer_calls();
    assert_eq!(tools(second.reply()), 2);
}

#[test]
fn what_one_worker_notes_the_others_know() {
    let process = Process::new(1, json!({}));
    let session = process.session();
    process.client(Answers::AtOnce).post(&session, "DELETE", "");
    let other = Process::on(&process.worker.shared().beside(), &process.notes);
    let mut client = other.client(Answers::AtOnce);
    client.send(&session, "tools/list", &json!({}));
    assert_eq!(client.reply().status, 404);
}

#[test]
fn what_streams_hold_together_is_bounded_and_given_back() {
    let process = Process::new(1, json!({}));
    let session = process.session();
    let mut held = process.client(Answers::Later);
    held.send(&session, "tools/list", &json!({"x": "y".repeat(600_000)}));
    let busy = |expected: u16| {
        let mut client = process.client(Answers::AtOnce);
        client.send(&session, "tools/list", &json!({"x": "y".repeat(600_000)}));
        assert_eq!(client.reply().status, expected);
    };
    busy(503);
    drop(held);
    busy(200);
}
