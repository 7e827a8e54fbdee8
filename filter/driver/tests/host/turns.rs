//! Long lists, while others of the same thread wait.

use mcp_mux_driver::PAUSE;
use serde_json::{Value, json};

use crate::maps::{Answers, Client, Process};

/// A list of three upstreams with one tool each, of so many bytes, is asked for.
fn ask(process: &Process, described: usize) -> Client {
    let session = process.session();
    let mut client = process.client(Answers::Later);
    (client.has_turns, client.described, client.memory) = (true, described, 64 << 20);
    client.send(&session, "tools/list", &json!({}));
    assert_eq!(client.calls.len(), 3);
    client
}

/// Others have their turn, and then it is this one's.
fn turn(client: &mut Client) {
    rest(client);
    client.stream.clone().turn(client);
}

fn rest(client: &Client) {
    let pause = u64::try_from(PAUSE.as_micros()).expect("a short one");
    client.clock.set(client.clock.get() + pause);
}

fn lengths(body: &[u8]) -> Vec<usize> {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let tools = body["result"]["tools"].as_array().expect("tools");
    tools.iter().map(|tool| tool["description"].as_str().expect("a text").len()).collect()
}

#[test]
fn long_answers_are_read_one_after_the_other() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 70_000);
    client.work = 1000;
    client.answer_calls();
    // The first one took all the time there is.
    assert_eq!((client.turns, client.replies.len()), (1, 0));
    // Nobody has had a turn meanwhile.
    client.stream.clone().turn(&mut client);
    assert_eq!((client.turns, client.replies.len()), (2, 0));
    turn(&mut client);
    assert_eq!((client.turns, client.replies.len()), (3, 0));
    turn(&mut client);
    assert_eq!((client.turns, lengths(&client.reply().body)), (3, vec![70_000; 3]));
}

/// A host reads what has come from one server after the other, and looks at nothing else meanwhile.
#[test]
fn what_is_received_behind_a_long_answer_waits_for_its_turn() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 70_000);
    (client.work, client.receiving) = (1000, 900);
    client.answer_calls();
    assert_eq!((client.turns, client.replies.len()), (1, 0));
    turn(&mut client);
    assert_eq!((client.turns, client.replies.len()), (2, 0));
    turn(&mut client);
    assert_eq!((client.turns, lengths(&client.reply().body)), (2, vec![70_000; 3]));
}

#[test]
fn after_a_while_the_next_one_is_read_at_once() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 70_000);
    (client.work, client.receiving) = (1000, 20_000);
    client.answer_calls();
    assert_eq!((client.turns, lengths(&client.reply().body)), (0, vec![70_000; 3]));
}

#[test]
fn what_takes_no_time_is_done_at_once() {
    let process = Process::new(3, json!({}));
    for (described, work) in [(70_000, 1), (10_000, 1000)] {
        let mut client = ask(&process, described);
        client.work = work;
        client.answer_calls();
        assert_eq!((client.turns, lengths(&client.reply().body)), (0, vec![described; 3]));
    }
}

#[test]
fn whose_client_leaves_has_no_turn() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 70_000);
    client.work = 1000;
    client.answer_calls();
    client.stream.clone().ended(&mut client);
    turn(&mut client);
    assert_eq!((client.turns, client.replies.len(), client.stream.held()), (1, 0, 0));
}

#[test]
fn a_long_answer_is_given_in_turns_as_fast_as_its_client_takes_it() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 400_000);
    client.streams = true;
    client.answer_calls();
    let head = client.head.as_ref().expect("a head");
    let length = head.headers.iter().find(|(name, _)| *name == "content-length");
    let length = String::from_utf8(length.expect("a length").1.clone()).expect("text");
    assert_eq!(head.status, 200);
    let first = client.sent.len();
    assert!((256 * 1024..=512 * 1024).contains(&first), "{first}");
    assert!(client.stream.held() >= 600_000, "what is still to come counts");
    assert_eq!(client.turns, 1);
    client.stream.clone().backlog(&mut client, true);
    turn(&mut client);
    assert_eq!((client.turns, client.sent.len()), (1, first), "the client is slow");
    client.stream.clone().backlog(&mut client, false);
    assert_eq!((client.turns, client.sent.len()), (2, first), "not within another's event");
    let mut turns = 0;
    while !client.is_ended {
        let before = client.sent.len();
        turn(&mut client);
        turns += 1;
        assert!(client.sent.len() <= before + 512 * 1024);
    }
    assert_eq!((turns, client.stream.held(), client.replies.len()), (2, 0, 0));
    assert_eq!(lengths(&client.sent), [400_000; 3]);
    assert_eq!(length, client.sent.len().to_string());
}

#[test]
fn a_host_without_turns_gets_all_at_once() {
    for streams in [false, true] {
        let process = Process::new(3, json!({}));
        let mut client = ask(&process, 400_000);
        (client.streams, client.has_turns, client.work) = (streams, false, 1000);
        client.answer_calls();
        assert_eq!(client.is_ended, streams);
        let body = if streams { client.sent.clone() } else { client.reply().body.clone() };
        assert_eq!(lengths(&body), [400_000; 3]);
    }
}

#[test]
fn who_leaves_gets_no_more() {
    let process = Process::new(3, json!({}));
    let mut client = ask(&process, 400_000);
    client.streams = true;
    client.answer_calls();
    let sent = client.sent.len();
    client.stream.clone().ended(&mut client);
    turn(&mut client);
    assert_eq!((client.sent.len(), client.is_ended, client.stream.held()), (sent, false, 0));
}
