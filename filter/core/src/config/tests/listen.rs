//! Whose own messages reach clients.

use serde_json::json;

use super::*;

/// What comes of `listen` before these upstreams.
fn compiled(names: &[&str], listen: Option<&str>, streams: bool) -> Result<Gateway, String> {
    let upstreams: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    let mut document = json!({"upstreams": upstreams});
    if let Some(listen) = listen {
        document["listen"] = json!(listen);
    }
    let process_key = || Ok(Key::new([7; 32]));
    let surroundings = Environment {
        variable: &variable,
        process_key: &process_key,
        streams,
        claims: true,
        bridges: true,
    };
    let compiled = compile(document.to_string().as_bytes(), surroundings);
    compiled.map_err(|error| error.to_string())
}

const ONE: fn(usize) -> Listen = |at| Listen::One(UpstreamId::at(at));

#[test]
fn the_only_upstream_is_listened_to_and_of_several_the_one_that_is_named() {
    for streams in [false, true] {
        let listen = |names: &[&str], listen| compiled(names, listen, streams).map(|it| it.listen);
        assert_eq!(listen(&["a"], None), Ok(ONE(0)));
        assert_eq!(listen(&["a"], Some("a")), Ok(ONE(0)));
        assert_eq!(listen(&["a"], Some("all")), Ok(ONE(0)));
        assert_eq!(listen(&["a", "b"], Some("b")), Ok(ONE(1)));
        assert_eq!(listen(&["a", "all"], Some("all")), Ok(ONE(1)));
        assert!(listen(&["a", "b"], Some("c")).is_err_and(|it| it.ends_with("one of a, b")));
    }
}

#[test]
fn a_host_that_streams_listens_to_all() {
    for listen in [None, Some("all")] {
        let gateway = compiled(&["a", "b"], listen, true).expect("taken");
        assert_eq!(gateway.listen, Listen::All);
        let heard = gateway.upstreams.iter().filter(|(_, upstream)| upstream.offer.roots);
        assert_eq!(heard.count(), 2);
    }
    assert_eq!(compiled(&["a", "b"], None, false).map(|it| it.listen), Ok(Listen::None));
    assert_eq!(
        compiled(&["a", "b"], Some("all"), false).expect_err("refused"),
        "listen: found \"all\", expected one of a, b; only a host that streams, as the native module \
         does, makes one stream of all"
    );
}

#[test]
fn roots_are_offered_to_those_who_are_heard() {
    let gateway = compiled(&["a", "b"], Some("b"), true).expect("taken");
    let roots = gateway.upstreams.iter().map(|(_, upstream)| upstream.offer.roots);
    assert_eq!(roots.collect::<Vec<_>>(), [false, true]);
}
