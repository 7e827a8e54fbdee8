//! Heads of requests of the stateless era, as owners get them.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::world::{Request, Response, Server, World, config};

/// What a name needs in a head is judged of the owner's name, not of the client's.
#[test]
fn a_name_is_encoded_in_the_head_where_its_owner_needs_it() {
    let wrap = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
    let mut world = World::new(&config(&["a"]));
    let mut server = Server::new("a").stateless();
    let named = Rc::new(RefCell::new(None));
    let name = Rc::clone(&named);
    world.script("a", move |seen| {
        if seen.method() != "tools/call" {
            return server.answer(seen);
        }
        *name.borrow_mut() = seen.header("mcp-name");
        let result = r#"{"resultType":"complete","content":[]}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        Response::new(200, "application/json", body).says()
    });
    let plain = ["t", "a b", "a\tb", "=?base64?"].map(|own| (own, own.to_owned()));
    let wrapped = [" x", "x ", "", "é", "日本", "=?base64?eA==?="].map(|own| (own, wrap(own)));
    for (own, expected) in plain.into_iter().chain(wrapped) {
        let shown = format!("a__{own}");
        let params = format!(r#""name":{}"#, json!(shown));
        let fits = shown.is_ascii() && shown.trim() == shown;
        let as_it_is = fits.then(|| shown.clone());
        for head in [wrap(&shown)].into_iter().chain(as_it_is) {
            let got = world.send(&Request::stateless("tools/call", &params, Some(&head)));
            assert_eq!(got.status, 200, "{own:?}: {}", got.text());
            assert_eq!(got.went.expect("went").params()["name"], own);
            assert_eq!(named.borrow().as_deref(), Some(&*expected), "{own:?}");
        }
    }
}
