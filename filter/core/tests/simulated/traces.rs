//! The trace that a request is part of goes on to every upstream that it reaches.

use crate::world::{Request, World};

const HEAD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const META: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A call and a list, with this in their `_meta`.
fn requests(meta: &str) -> [Request; 2] {
    let call = format!(r#"{{"name":"a__t","_meta":{{{meta}}}}}"#);
    let list = format!(r#"{{"_meta":{{{meta}}}}}"#);
    [Request::rpc("tools/call", &call), Request::rpc("tools/list", &list)]
}

/// The trace context that upstream `a` gets with each request that this makes.
fn seen(world: &mut World, request: &Request) -> Vec<(Option<String>, Option<String>)> {
    world.seen.clear();
    world.send(request);
    let to_a = world.seen.iter().filter(|seen| seen.cluster == "a");
    to_a.map(|seen| (seen.header("traceparent"), seen.header("tracestate"))).collect()
}

#[test]
fn that_of_the_head_comes_before_that_of_the_body() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    let meta = format!(r#""traceparent":"{META}","tracestate":"v=1""#);
    for request in requests(&meta) {
        let request = request.within(&session);
        let followed = (Some(META.to_owned()), Some("v=1".to_owned()));
        assert_eq!(seen(&mut world, &request), [followed]);
        let request = request.with("traceparent", HEAD);
        assert_eq!(seen(&mut world, &request), [(Some(HEAD.to_owned()), None)]);
    }
}

#[test]
fn what_is_no_trace_context_stays_where_it_is() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    for parent in ["x", "", zeros, &META.to_uppercase(), &format!("{META}-00"), r"00-\r\nx: y"] {
        for request in requests(&format!(r#""traceparent":"{parent}""#)) {
            let request = request.within(&session);
            assert_eq!(seen(&mut world, &request), [(None, None)], "{parent}");
        }
    }
    for state in [r#""a\r\nb""#.to_owned(), format!("{:?}", "x".repeat(600)), "7".to_owned()] {
        for request in requests(&format!(r#""traceparent":"{META}","tracestate":{state}"#)) {
            let request = request.within(&session);
            assert_eq!(seen(&mut world, &request), [(Some(META.to_owned()), None)], "{state}");
        }
    }
}
