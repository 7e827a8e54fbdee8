use super::model::{Asked, Marks, Ran, change, model, run};
use super::*;
use crate::chance::Chance;
use crate::sse::Reader;

mod random;

const NO_LIMIT: usize = usize::MAX;

/// Whole, byte by byte, and cut in two at every place, it is the same.
fn check(limit: usize, stream: &[u8]) -> Ran {
    let shown = String::from_utf8_lossy(stream);
    let ran = run(limit, [stream]);
    assert_eq!(run(limit, stream.chunks(1)), ran, "byte by byte: {shown:?}");
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(run(limit, [head, b"", tail]), ran, "cut at {at}: {shown:?}");
    }
    ran
}

/// With each kind of line end, with and without a byte order mark, the stream becomes `expected`.
fn is(stream: &str, expected: &str) {
    for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{FEFF}"] {
            let stream = format!("{mark}{}", stream.replace('\n', end));
            let expected = format!("{mark}{}", expected.replace('\n', end));
            let ran = check(NO_LIMIT, stream.as_bytes());
            assert_eq!(String::from_utf8_lossy(&ran.out), expected, "{stream:?}");
            assert_eq!(ran.unfinished, Unfinished { held: Vec::new(), begun: false });
        }
    }
}

fn data(name: &str, data: &str) -> Asked {
    Asked::Data(name.into(), data.into())
}

fn id(id: &str) -> Asked {
    Asked::Id(id.into())
}

#[test]
fn what_needs_no_change_stays() {
    assert_eq!(check(NO_LIMIT, b"").out, b"");
    for stream in [
        "\n\n\n",
        ": ping\n",
        ": ping\n\n: pong\n: pang\n\n",
        "data: {}\n\n",
        "data:{}\n\ndata\n\nevent:x\ndata:  y \ndata\nid:7\nretry: 1\nfoo!\nbar: !\n\n",
        "id: 1\nretry: 3000\ndata:\n\n",
        "id\ndata\n\nid:\ndata\n\nid: \n\nid: 1!\0\n\nidx: !\n\nevent: !\n\n",
    ] {
        is(stream, stream);
    }
}

#[test]
fn data_are_replaced() {
    is("data: a!\n\n", "data: anew\n\n");
    is("data:!\n\ndata: x\n\ndata: !\n\n", "data: new\n\ndata: x\n\ndata: new\n\n");
    is("data:  !\n\n", "data:  new\n\n");
    is("event: e\nretry: 1\ndata: !\n: c\nx\n\n", "event: e\nretry: 1\ndata: new\n: c\nx\n\n");
    is(": c\n: d\ndata: !\nevent: e\n\n", ": c\n: d\ndata: new\nevent: e\n\n");
}

#[test]
fn data_lines_are_joined_and_split() {
    is(
        "data: a\nid: 1\ndata: !\nevent: e\ndata\n\n",
        "data: a\ndata: new\ndata: \nid: 1\nevent: e\n\n",
    );
    is("data: a|b|\n\n", "data: a\ndata: b\ndata: \n\n");
    is("data:|\n:\n\n", "data: \ndata: \n:\n\n");
    // A CR cannot be written.
    is("data: a^b~c~|^\n\n", "data: a\ndata: b\ndata: c\ndata: \ndata: \ndata: \n\n");
}

#[test]
fn ids_are_replaced() {
    is("id: 1!\ndata: x\n\n", "id: 1new\ndata: x\n\n");
    is("id:!\nid: !!\ndata:\n\n", "id:new\nid: newnew\ndata:\n\n");
    is("id: !\n\nid: !\nretry: 5\n\n", "id: new\n\nid: new\nretry: 5\n\n");
    is("data: !\nid: !\ndata: x\n\n", "data: new\ndata: x\nid: new\n\n");
    // Spaces are the value's own, but for the first.
    is("id:_x\nid: _x\nid:  !\n\n", "id:  x\nid:  x\nid:  new\n\n");
    // These cannot be written.
    is("id: !|\nid: !^\n\n", "id: !|\nid: !^\n\n");
}

#[test]
fn the_edit_sees_names_data_and_ids() {
    let stream = b"id: 1\nid\ndata: a\nevent: e\ndata: b\n\nid: 2\n\nid: 3\0\ndata\n\n: c\ndata: x";
    let expected = [data("e", "a\nb"), id("1"), id("2"), data("message", "")];
    assert_eq!(check(NO_LIMIT, stream).asked, expected);
}

#[test]
fn line_ends_mix() {
    let out = |stream: &str| String::from_utf8(check(NO_LIMIT, stream.as_bytes()).out).unwrap();
    assert_eq!(out("data: !\r\nid: !\r\n\r"), "data: new\r\nid: new\r\n\r");
    assert_eq!(out("data: |\rdata: b\n\r\n"), "data: \rdata: \rdata: b\r\r\n");
    // What is left out must not join a CR and an LF to one line end.
    assert_eq!(out("data: !\rdata: b\n\n"), "data: new\rdata: b\r\n\n");
    assert_eq!(out("data: !\n: c\rdata: b\n\n"), "data: new\ndata: b\n: c\r\n\n");
    assert_eq!(out("data: !\n: c\rdata: b\n\r\n"), "data: new\ndata: b\n: c\r\r\n");
}

#[test]
fn only_the_first_line_has_a_byte_order_mark() {
    for stream in ["x\n\n\u{FEFF}data: !\n\n", "\u{FEFF}\u{FEFF}data: !\n\n"] {
        assert_eq!(check(NO_LIMIT, stream.as_bytes()).out, stream.as_bytes());
    }
}

#[test]
fn a_block_goes_out_with_its_last_line_end() {
    for (block, late) in [("data: 1\n\n", ""), ("data: 1\r\r", "\n"), ("data: 1\r\n\r", "\n")] {
        let mut editor = Editor::new(NO_LIMIT);
        let (mut marks, mut out) = (Marks::default(), Vec::new());
        let passed = editor.feed(block.as_bytes(), &mut marks, &mut out);
        assert_eq!((passed, &out[..]), (Passed::AsIs, &b""[..]), "{block:?}");
        assert_eq!(editor.feed(late.as_bytes(), &mut marks, &mut out), Passed::AsIs);
        assert_eq!(editor.feed(b"data: !", &mut marks, &mut out), Passed::Changed);
        assert_eq!((editor.held.len(), &out[..]), (7, &b""[..]));
        assert_eq!(editor.feed(b"\n\ndata: 2\n\n:", &mut marks, &mut out), Passed::Changed);
        assert_eq!((editor.held.len(), &out[..]), (1, &b"data: new\n\ndata: 2\n\n"[..]));
    }
}

#[test]
fn a_comment_between_events_is_not_held() {
    let ran = check(NO_LIMIT, b": ping\n: ping\r\nid: !\n: ping\n");
    assert_eq!(ran.out, b": ping\n: ping\r\n");
    assert_eq!(ran.unfinished, Unfinished { held: b"id: !\n: ping\n".to_vec(), begun: false });
    let ran = check(5, b"\xEF\xBB\xBF: a long comment\ndata\n\n: another\r\nid:!\n\n: and one");
    assert_eq!(ran.out, b"\xEF\xBB\xBF: a long comment\ndata\n\n: another\r\nid:!\n\n: and one");
    assert_eq!((ran.skipped, ran.unfinished.begun), (2, true));
}

#[test]
fn an_event_over_the_limit_goes_by() {
    const LONG: &str = "id: !\ndata: 5!\n\ndata: 34!\n\ndata: 4!\nid\n\n";
    // The limit is the length of the first event, without what may come late.
    for (end, limit) in [("\n", 9), ("\r", 9), ("\r\n", 10)] {
        let text = |first: &str| format!("{first}{LONG}{first}").replace('\n', end);
        let stream = text("data: !\n\n");
        let ran = check(limit, stream.as_bytes());
        assert_eq!(String::from_utf8_lossy(&ran.out), text("data: new\n\n"));
        assert_eq!(ran.skipped, 3);
        assert_eq!(ran.asked, [data("message", "!"), data("message", "!")]);
        let ran = check(limit - 1, stream.as_bytes());
        assert_eq!(String::from_utf8_lossy(&ran.out), stream);
        assert_eq!((ran.skipped, ran.asked), (5, Vec::new()));
    }
}

#[test]
fn an_unfinished_event_is_handed_back() {
    let end = |limit, stream: &str, out: &str, held: &str, begun| {
        let ran = check(limit, stream.as_bytes());
        assert_eq!(String::from_utf8_lossy(&ran.out), out);
        assert_eq!(ran.unfinished, Unfinished { held: held.into(), begun });
        assert_eq!(ran.skipped, 0);
    };
    end(9, "data: !\n\ndata: !\n", "data: new\n\n", "data: !\n", false);
    end(9, "data: !\n\n: pin", "data: new\n\n", ": pin", false);
    end(9, "data: !\n\ndata: 123!", "data: new\n\ndata: 123!", "", true);
    end(9, "data: 12!\n", "data: 12!\n", "", true);
    end(9, "data: !\r\r", "data: new\r\r", "", false);
    end(0, "dat", "", "dat", false);
    end(0, "data", "data", "", true);
}

#[test]
fn memory_stays_within_the_limit() {
    const LIMIT: usize = 1000;
    let mut editor = Editor::new(LIMIT);
    let (mut marks, mut out) = (Marks::default(), Vec::new());
    for field in ["data: ", "event: ", ": ", "other: ", "id: ", "\n: ", "data: \n"] {
        for part in [field.as_bytes(), &[b'x'; 700], b"\n", &[b'!'; 700], b"\n\n"] {
            for part in part.chunks(7) {
                let _ = editor.feed(part, &mut marks, &mut out);
                assert!(editor.held() <= 2 * LIMIT, "{}", editor.held());
            }
        }
        assert_eq!(editor.held(), 0);
    }
    // The comments are none.
    assert_eq!(editor.skipped(), 5);
}

/// Streams what has no line end and no mark, as it is.
#[derive(Default)]
struct Flowing(Vec<usize>);

impl Edit for Flowing {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        change(event.data)
    }

    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>> {
        change(id)
    }

    fn begin(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> bool {
        self.0.push(event.data.len());
        out.extend(change(event.data).unwrap_or_else(|| event.data.to_vec()));
        true
    }

    fn more(&mut self, part: &[u8], _: bool, out: &mut Vec<u8>) -> Passed {
        match change(part) {
            Some(new) => {
                out.extend(new);
                Passed::Changed
            }
            None => Passed::AsIs,
        }
    }
}

#[test]
fn a_long_line_streams_from_its_first_part_on_however_long_the_chunk() {
    let text = |mark_at: usize| {
        let mut text = "x".repeat(700_000);
        text.replace_range(mark_at..=mark_at, "!");
        text
    };
    for mark_at in [0, 100_000, 200_000, 699_999] {
        let (long, short) = (text(mark_at), "data: y\n\n".repeat(40_000));
        let stream = format!("data: a!\n\ndata: {long}\n\n{short}data: {long}\n\nid: !\n\ndata");
        let run = |chunks: &[&[u8]]| {
            let mut editor = Editor::new(NO_LIMIT);
            let (mut edit, mut out) = (Flowing::default(), b"before".to_vec());
            for chunk in chunks {
                if editor.feed(chunk, &mut edit, &mut out) == Passed::AsIs {
                    out.extend_from_slice(chunk);
                }
            }
            out.extend(editor.finish().held);
            (String::from_utf8(out).unwrap(), edit.0)
        };
        let expected = format!("before{}", stream.replace('!', "new"));
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(10_007).collect();
        let ((whole, begun), (cut, _)) = (run(&[stream.as_bytes()]), run(&chunks));
        assert!(whole == expected && cut == expected, "{mark_at}");
        assert!(begun.first().is_some_and(|begun| *begun < 200_000), "{begun:?}");
    }
}

#[test]
fn short_events_are_read_where_they_are() {
    let stream = "data: x\n\n".repeat(100_000);
    let (mut editor, mut out) = (Editor::new(NO_LIMIT), Vec::new());
    let passed = editor.feed(stream.as_bytes(), &mut Flowing::default(), &mut out);
    assert_eq!((passed, out.len()), (Passed::AsIs, 0));
}

/// 32 times the bytes of one event, in small chunks, take about 32 times as long; an editor that
/// started over with every chunk, or with every line, would take 1024 times as long.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn time_is_linear() {
    let time = |line: &[u8], len: usize| {
        let stream = [b"data: !", line.repeat(len / line.len()).as_slice(), b"\n\n"].concat();
        let run = || {
            let start = std::time::Instant::now();
            assert_eq!(run(NO_LIMIT, stream.chunks(8)).asked.len(), 1);
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap()
    };
    for line in [&b"x"[..], b"\ndata: x", b"\r:", b"\nid"] {
        // A busy machine is given many chances to show its shortest times.
        let (mut short, mut long) = (std::time::Duration::MAX, std::time::Duration::MAX);
        let linear = (0..40).any(|_| {
            (short, long) = (short.min(time(line, 1 << 12)), long.min(time(line, 32 << 12)));
            long < short * 300
        });
        assert!(linear, "{line:?}: {short:?}, then {long:?}");
    }
}
