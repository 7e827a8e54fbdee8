use super::*;
use crate::chance::Chance;
use crate::fixture;
use crate::mcp::event_id::digest;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::sse::{Editor, Reader};

#[test]
fn what_answers_another_request_is_emptied_where_that_is_known() {
    let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}]}"#);
    let id = Id::from_raw("1").unwrap();
    let place = StreamContext::new(Shape::Opaque, digest(None), Some(&id));
    let event = |id: &str, text: &str| {
        let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"z":"{text}"}}}}"#);
        format!("data: {message}\n\n")
    };
    let long = "z".repeat(2000);
    for (text, chunk) in [("z", 10_000), (&long, 10_000), (&long, 700), (&long, 1)] {
        let (first, second) = (event("1", text), event("2", text));
        let stream = [&second, &first, &event(r#""1""#, text)].map(String::as_str).concat();
        for (request, strict, expected, emptied) in [
            (Some(&id), true, ["data: \n\n", &first, "data: \n\n"].concat(), 2),
            (None, true, "data: \n\n".repeat(3), 3),
            (None, false, stream.clone(), 0),
        ] {
            let origin = fixture::origin(&gateway, request, Shape::Opaque);
            let (mut out, mut counted, mut answered) = (Vec::new(), 0, false);
            let (mut editor, mut flowing) = (Editor::new(1024), Flowing::default());
            for part in stream.as_bytes().chunks(chunk) {
                let going = (&mut flowing, 1024);
                let mut changes = Changes::of(origin, &place, strict, going);
                if editor.feed(part, &mut changes, &mut out) == Passed::AsIs {
                    out.extend_from_slice(part);
                }
                counted += changes.emptied;
                answered |= changes.answered;
            }
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            assert_eq!((counted, answered), (emptied, request.is_some()));
        }
    }
}

/// What a client gets of events, each piece of at most so many bytes, and whether one was the answer.
fn passed(request: &Id<'_>, stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
    passed_within(request, stream, piece, 4096)
}

/// The same within another limit.
fn passed_within(
    request: &Id<'_>,
    stream: &[u8],
    piece: usize,
    limit: usize,
) -> (Vec<Vec<u8>>, bool) {
    let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"}]}"#);
    let place = StreamContext::new(Shape::Tool, digest(None), Some(request));
    let origin = fixture::origin(&gateway, Some(request), Shape::Tool);
    let (mut editor, mut flowing) = (Editor::new(limit), Flowing::default());
    let (mut out, mut answered) = (Vec::new(), false);
    for part in stream.chunks(piece) {
        let mut changes = Changes::of(origin, &place, true, (&mut flowing, limit));
        if editor.feed(part, &mut changes, &mut out) == Passed::AsIs {
            out.extend_from_slice(part);
        }
        answered |= changes.answered;
    }
    let mut events = Vec::new();
    Reader::new(1 << 20).feed(&out, &mut |event| events.push(event.data.to_vec()));
    (events, answered)
}

#[test]
fn an_answer_in_several_lines_is_changed_in_all_of_them_and_no_other_is_put_together() {
    let request = Id::from_raw("1").unwrap();
    let (long, link) = ("z".repeat(3000), r#"{"type":"resource_link","uri":"x:y"}"#);
    let turned = r#"{"uri":"x:y","name":"n","type":"resource_link"}"#;
    let result = format!("{{\"x\":\"{long}\",\n\"content\":[\n{link},{turned}],\"y\":[\n1]}}");
    let beginning = format!("{{\"content\":[{link},{turned}],\"x\":\"{long}\"\n\n}}");
    let within = format!(r#"{{"x":"{long}","content":[{turned},{}]}}"#, turned.replace(',', ",\n"));
    for (message, answers) in [
        (format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#), true),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{result},\n\"id\":1\n}}\n"), true),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{beginning},\n\"id\":1}}"), true),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{within},\n\"id\":1}}"), true),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{result},\n\"id\":2}}"), false),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{beginning}\n,\"id\":2}}"), false),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{beginning},\"id\":2\n}}"), false),
        (format!("{{\"result\":{beginning},\"id\":2,\"jsonrpc\":\"2.0\"\n}}"), false),
        (format!("{{\"jsonrpc\":\"2.0\",\"result\":{beginning},\n\"id\":1,\"id\":2}}"), false),
    ] {
        let stream = format!("id: 7\ndata: {}\n\n", message.replace('\n', "\ndata: "));
        let next = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
        let stream = format!("{stream}data: {next}\n\n");
        for piece in [1, 7, 1000, 2500, 100_000] {
            let (events, answered) = passed(&request, stream.as_bytes(), piece);
            let [event, after] = &events[..] else { panic!("{} events", events.len()) };
            assert_eq!((answered, after.as_slice()), (answers, next.as_bytes()));
            let read = serde_json::from_slice::<serde_json::Value>(event);
            assert_eq!(read.is_ok(), answers, "{}", String::from_utf8_lossy(event));
            if answers {
                let text = String::from_utf8_lossy(event).into_owned();
                // A block that is spread over lines goes out before its type is known.
                let changed = text.matches("\"a+x:y\"").count();
                assert!(changed == 2 || message.contains(&within) && changed == 1, "{text}");
                assert_eq!(text.replace("a+x:", "x:"), message);
            }
        }
    }
}

#[test]
fn events_that_go_by_become_what_they_do_if_they_are_held_however_lines_and_bytes_are_cut() {
    let request = Id::from_raw("1").unwrap();
    let mut chance = Chance::new(3);
    let mut flowed = 0;
    for round in 0..150 {
        let (mut stream, mut wanted) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let text = "z\u{e9}\\n\\\"".repeat(chance.below(1500));
            let block = chance.pick(&[
                r#"{"type":"resource_link","uri":"x:y"}"#,
                r#"{"uri":"x:y","type":"resource_link"}"#,
                r#"{"resource":{"uri":"x:y"},"type":"resource"}"#,
                r#"{"uri":"x:y","type":"text"}"#,
            ]);
            let id = chance.pick(&["1", "1", "2"]);
            let (before, after) =
                chance.pick(&[("", ""), (r#""id":ID,"#, ""), ("", r#","id":ID"#)]);
            let result = format!(r#"{{"content":[{block},{{"text":"{text}"}},{block}]}}"#);
            let message = format!(r#"{{"jsonrpc":"2.0",{before}"result":{result}{after}}}"#)
                .replace("ID", id);
            let end = chance.pick(&["\n", "\r\n", "\r"]);
            // Behind blocks, so that they are whole where the line ends.
            let cut = |text: &str| text.replace("},{\"text\"", "},\n{\"text\"");
            let message = if chance.below(3) == 0 { cut(&message) } else { message };
            let data = message.replace('\n', &format!("{end}data: "));
            let before = chance.pick(&["", "id: 1", ": hi", "event: message"]);
            let before = if before.is_empty() { String::new() } else { format!("{before}{end}") };
            stream.extend(format!("{before}data: {data}{end}{end}").into_bytes());
            wanted.push(message);
        }
        let (held, answered) = passed_within(&request, &stream, stream.len(), 1 << 20);
        let piece = chance.pick(&[1, 13, 700, 5000]);
        let (events, answers) = passed_within(&request, &stream, piece, 16 << 10);
        assert_eq!((answers, events.len()), (answered, held.len()), "round {round}");
        for (event, (held, sent)) in events.iter().zip(held.iter().zip(&wanted)) {
            let shown = || String::from_utf8_lossy(event).into_owned();
            flowed += usize::from(sent.len() > 8 << 10);
            // Within the limit. What is refused on its way is no JSON; what is held is emptied.
            let refused = serde_json::from_slice::<serde::de::IgnoredAny>(event).is_err();
            assert_eq!(
                refused,
                held.is_empty() || !sent.contains(r#""id""#),
                "{round}: {}",
                shown()
            );
            assert!(
                refused || event == held,
                "{round}: {} {}",
                shown(),
                String::from_utf8_lossy(held)
            );
        }
    }
    assert!(flowed > 80, "{flowed}");
}
