//! `subscriptions/listen` for what becomes of tasks.

use super::*;
use crate::world::{events, gateway};

#[test]
fn what_becomes_of_the_tasks_of_the_upstream_that_is_listened_to_is_told() {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("a");
    let mut world = world(&["a", "b"]);
    world.configure(gateway(&plan));
    let [ours, theirs] = ["a", "b"].map(|name| task_of(&call(&mut world, &format!("{name}__t"))));
    world.script_method("a", "subscriptions/listen", |seen| {
        let said = [
            r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"taskIds":["1"]}}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"1","status":"completed","result":{"content":[{"type":"resource_link","uri":"x:y"}]}}}"#.to_owned(),
            format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete"}}}}"#, seen.id()),
        ];
        Response::new(200, "text/event-stream", events(&said)).says()
    });
    let wanted = format!(
        r#""notifications":{{"taskIds":[{theirs}, {ours},"a:1","1",7],"toolsListChanged":true,"resourceSubscriptions":["a+x:y"]}}"#
    );
    let got = world.send(&declaring("subscriptions/listen", &wanted, None));
    let went = got.went.as_ref().expect("a request");
    let sent =
        json!({"taskIds": ["1", 7], "toolsListChanged": true, "resourceSubscriptions": ["x:y"]});
    assert_eq!((went.cluster.as_str(), &went.params()["notifications"]), ("a", &sent));
    let text = got.text();
    assert!(text.contains(&format!(r#""taskIds":[{ours}]"#)), "{text}");
    assert!(text.contains(&format!(r#""taskId":{ours},"status":"completed""#)), "{text}");
    assert!(text.contains(r#""uri":"a+x:y""#), "{text}");
}
