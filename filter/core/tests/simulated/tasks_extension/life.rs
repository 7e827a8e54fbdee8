//! A task from its call to its end.

use super::*;
use crate::sse_responses::messages;
use crate::world::{Way, events};

const IDS: [&str; 7] =
    [r#""1""#, r#""""#, r#""a:1""#, r#""b:x:""#, r#""\u0061\/\"""#, r#""é🦀""#, r#"" x ""#];

/// A task of this raw id, as its upstream tells of it; what is too long to be held has this filling.
fn told(seen: &Seen, task: &str, filling: &str, is_last: bool) -> String {
    let meta = format!(r#""_meta":{{"{RELATED_TASK}":{{"taskId":{task}}}}}"#);
    let link = r#""content":[{"uri":"x:y","type":"resource_link","name":"n"}]"#;
    let outcome = format!(
        r#""result":{{{link},"structuredContent":{{"taskId":"not one","uri":"x:y"}},{meta}}}"#
    );
    let id = seen.id();
    let (kind, rest) =
        if seen.method() == "tools/call" { ("task", link) } else { ("complete", &*outcome) };
    let kind = format!(r#""resultType":"{kind}""#);
    let named = format!(r#""taskId":{task},"status":"working""#);
    let [first, last] = if is_last { [named, kind] } else { [kind, named] };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{{first},"x":"{filling}",{last},{meta},{rest}}}}}"#
    )
}

#[test]
fn it_is_known_by_one_name_and_asked_of_its_owner() {
    for (at, task) in IDS.into_iter().enumerate() {
        for (filling, is_sse) in [(0, false), (0, true), (70_000, false), (70_000, true)] {
            let mut world = world(&["a", "b"]);
            let filling = "x".repeat(filling);
            for name in ["a", "b"] {
                for method in ["tools/call"].into_iter().chain(METHODS) {
                    let filling = filling.clone();
                    world.script_method(name, method, move |seen| {
                        let answer = told(seen, task, &filling, at % 2 == 0);
                        let notice = format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{{"taskId":{task},"result":{{"content":[{{"type":"resource_link","uri":"x:y"}}]}}}}}}"#
                        );
                        let (kind, body) = if is_sse {
                            ("text/event-stream", events(&[notice, answer]))
                        } else {
                            ("application/json", answer)
                        };
                        Response::new(200, kind, body).says()
                    });
                }
            }
            for name in ["a", "b"] {
                let got = call(&mut world, &format!("{name}__t"));
                let marked = check(&got, name, task, is_sse, 0);
                for method in METHODS {
                    for is_named in [true, false] {
                        world.seen.clear();
                        let request = about(method, &marked);
                        let request = if is_named { request } else { request.without("mcp-name") };
                        let got = world.send(&request);
                        assert_eq!(got.way, Way::Routed, "{}", got.text());
                        let went = got.went.as_ref().expect("a request");
                        assert_eq!((went.cluster.as_str(), world.seen.len()), (name, 1));
                        let own: String = serde_json::from_str(task).expect("a text");
                        let sent = went.params();
                        assert_eq!(sent["taskId"], own);
                        assert_eq!(sent["inputResponses"], json!({"q": {"x": 1.0}}));
                        assert_eq!(went.header("mcp-name"), Some(in_head(&own)), "{method}");
                        assert_eq!(went.header("mcp-method").as_deref(), Some(method));
                        assert_eq!(check(&got, name, task, is_sse, 1), marked);
                    }
                }
            }
        }
    }
}

/// Checks that the client is told of a task of `owner`'s by its mark wherever it stands, with an outcome or
/// without, and returns that.
fn check(got: &Got, owner: &str, task: &str, is_sse: bool, outcomes: usize) -> String {
    let all = if is_sse { messages(&got.body) } else { vec![got.text()] };
    let answer = all.last().expect("an answer");
    let result = raw_member(answer.as_bytes(), "result").expect("a result");
    let marked = raw_member(result.as_bytes(), "taskId").expect("a task");
    let (mark, own) = marked.split_at(owner.len() + 11);
    assert!(mark.starts_with(&format!("\"{owner}:")) && mark.ends_with(':'), "{marked}");
    assert_eq!(own, &task[1..]);
    let named = format!(r#""taskId":{marked}"#);
    assert_eq!(answer.matches(&named).count(), 2 + outcomes, "{owner} {task}");
    assert_eq!(answer.matches("not one").count(), outcomes);
    let link = format!(r#""uri":"{owner}+x:y""#);
    assert_eq!(answer.matches(&link).count(), 1);
    if is_sse {
        assert_eq!(all.len(), 2);
        assert!(all[0].contains(&named) && all[0].contains(&link), "{}", all[0]);
    }
    marked
}

#[test]
fn a_result_that_is_none_keeps_its_bytes() {
    let mut world = world(&["a"]);
    for members in [
        r#""taskId":"1","resultType":"complete","content":[]"#,
        r#""resultType":"complete","taskId":"1","content":[]"#,
        r#""taskId":"1","content":[]"#,
        r#""resultType":"input_required","taskId":"1""#,
        r#""resultType":"task","taskId":1"#,
        r#""resultType":"task","taskId":{"taskId":"1"}"#,
    ] {
        world.script_method("a", "tools/call", move |seen| answer(seen, members));
        let got = call(&mut world, "a__t");
        assert_eq!(got.text(), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{{members}}}}}"#));
    }
}

#[test]
fn it_is_its_callers_alone() {
    let mut world = world(&["a", "b"]);
    let by = |request: Request, user: &str| request.with("x-user", user);
    let params = r#""name":"a__t""#;
    let got = world.send(&by(declaring("tools/call", params, Some("a__t")), "ann"));
    let marked = task_of(&got);
    let other = |marked: &str, from: &str, to: &str| {
        assert!(marked.contains(from), "{marked}");
        marked.replacen(from, to, 1)
    };
    let forged = [
        r#""1""#.to_owned(),
        r#""""#.to_owned(),
        r#""a:1""#.to_owned(),
        r#""a::1""#.to_owned(),
        r#""a:AAAAAAAA:1""#.to_owned(),
        other(&marked, "a:", "b:"),
        other(&marked, "a:", "c:"),
        other(&marked, ":1", ":2"),
        other(&marked, ":1", ":"),
    ];
    world.seen.clear();
    for method in METHODS {
        for forged in &forged {
            let got = world.send(&by(about(method, forged), "ann"));
            assert_eq!(got.refusal(), (200, -32602, json!(1)), "{method} {forged}");
        }
        for user in ["bob", "", "ann "] {
            let got = world.send(&by(about(method, &marked), user));
            assert_eq!(got.refusal(), (200, -32602, json!(1)), "{method} {user}");
        }
        let got = world.send(&about(method, &marked));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{method} by nobody");
        // What the head names is what the body names.
        let got = world.send(&by(about(method, &marked), "ann").with("mcp-name", "1"));
        assert_eq!(got.refusal(), (400, -32020, json!(1)), "{method}");
    }
    assert!(world.seen.is_empty());
    // On another worker, too.
    world.change_worker();
    let got = world.send(&by(about("tasks/get", &marked), "ann"));
    assert_eq!((got.status, task_of(&got)), (200, marked), "{}", got.text());
}

#[test]
fn the_task_that_a_request_belongs_to_is_its_owners_by_its_own_name() {
    for large in [false, true] {
        let mut world = world(&["a", "b"]);
        let [ours, theirs] =
            ["a", "b"].map(|name| task_of(&call(&mut world, &format!("{name}__t"))));
        if large {
            world.abilities.request_buffer = 1000;
        }
        for (told, own) in
            [(&*ours, r#""1""#), (&theirs, &theirs), (r#""a:1""#, r#""a:1""#), (r#""1""#, r#""1""#)]
        {
            let filling = "x".repeat(if large { 200_000 } else { 10 });
            let params = format!(r#""name":"a__t","arguments":{{"x":"{filling}"}}"#);
            let mut request = declaring("tools/call", &params, Some("a__t"));
            let body = String::from_utf8(request.body).expect("text");
            let related = format!(r#""_meta":{{"{RELATED_TASK}":{{"taskId":{told}}},"#);
            request.body = body.replace(r#""_meta":{"#, &related).into_bytes();
            let length = request.body.len().to_string();
            let got = world.send(&request.with("content-length", length));
            let went = got.went.expect("a request").params();
            let own: Value = serde_json::from_str(own).expect("a text");
            assert_eq!(went["_meta"][RELATED_TASK]["taskId"], own, "{large} {told}");
        }
    }
}
