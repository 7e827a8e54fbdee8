use serde_json::{Map, json};

use super::*;

fn settings(gateway: &str) -> Settings {
    let text = format!("output: /x\nwasm: {{file: f}}\ngateway: {gateway}");
    Settings::parse(&text, None).expect("settings")
}

/// The state where nobody had a name before.
fn fresh<'a>(
    settings: &Settings,
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> State {
    derive(settings, &Holders::new(), services, slices)
}

/// A Service of an age in days, with one port and these annotations.
fn service(name: &str, age: u8, annotations: &[(&str, &str)]) -> Service {
    shaped(name, age, annotations, &json!({"ports": [{"port": 80}]}))
}

fn shaped(name: &str, age: u8, annotations: &[(&str, &str)], spec: &Value) -> Service {
    let annotations: Map<String, Value> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let created = format!("2026-01-{:02}T00:00:00Z", 31 - age);
    let service = json!({
        "metadata": {
            "name": name, "namespace": "n", "uid": format!("uid-{name}"),
            "creationTimestamp": created, "annotations": annotations,
        },
        "spec": spec,
    });
    serde_json::from_value(service).expect("a Service")
}

fn slice(service: &str, port: Option<&str>, endpoints: &Value) -> EndpointSlice {
    let slice = json!({
        "metadata": {
            "name": format!("{service}-x"), "namespace": "n",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "other", "port": 1}, {"name": port, "port": 8080}],
        "endpoints": endpoints,
    });
    serde_json::from_value(slice).expect("a slice")
}

fn up(service: &str) -> EndpointSlice {
    slice(service, None, &json!([{"addresses": ["10.0.0.1"]}]))
}

fn names(state: &State) -> Vec<&str> {
    state.upstreams.iter().map(|it| it.name.as_str()).collect()
}

/// Names of the Services that are left out, and why in one word.
fn refused(state: &State) -> Vec<(&str, &str)> {
    let one = |it: &'_ Refused| it.service.name.clone().unwrap_or_default();
    let words = state.refused.iter().map(|it| (one(it).leak() as &str, it.reason.word));
    words.collect()
}

#[test]
fn a_service_with_a_ready_endpoint_is_an_upstream() {
    let state = fresh(&settings("{}"), &[service("search", 1, &[])], &[up("search")]);
    let [upstream] = state.upstreams.as_slice() else { panic!("{state:?}") };
    assert_eq!(
        upstream.entry,
        json!({
            "name": "search", "cluster": "mcp-mux/n/search",
            "authority": "search.n.svc.cluster.local:80",
        })
    );
    assert_eq!(upstream.endpoints, BTreeSet::from([([10, 0, 0, 1], 8080).into()]));
    let plugin = state.plugin(&settings("{}")).expect("taken");
    assert_eq!(plugin, json!({"upstreams": [upstream.entry]}));
    assert!(state.refused.is_empty());
}

#[test]
fn annotations_become_fields() {
    let annotations = [
        ("mcp-mux/name", "web"),
        ("mcp-mux/path", "/v1/mcp"),
        ("mcp-mux/prefix", ""),
        ("mcp-mux/timeout", "3s"),
        ("mcp-mux/call-timeout", "10m"),
        ("mcp-mux/authority", "web.example"),
        ("other/name", "x"),
    ];
    let state = fresh(&settings("{}"), &[service("search", 1, &annotations)], &[up("search")]);
    assert_eq!(
        state.upstreams[0].entry,
        json!({
            "name": "web", "cluster": "mcp-mux/n/search", "path": "/v1/mcp", "prefix": "",
            "timeout": "3s", "call_timeout": "10m", "authority": "web.example",
        })
    );
}

#[test]
fn a_server_of_the_older_transport_needs_the_native_host() {
    let services = [service("old", 1, &[("mcp-mux/transport", "sse")])];
    let state = fresh(&settings("{}"), &services, &[up("old")]);
    assert_eq!(refused(&state), [("old", "BadAnnotation")]);
    let native = Settings { host: Host::Module, ..settings("{}") };
    let state = fresh(&native, &services, &[up("old")]);
    assert_eq!(state.upstreams[0].entry["transport"], "sse");
    assert!(refused(&state).is_empty());
}

#[test]
fn only_ready_endpoints_that_do_not_end_count_and_each_once() {
    let endpoints = json!([
        {"addresses": ["10.0.0.2"], "conditions": {"ready": true}},
        {"addresses": ["10.0.0.1"]},
        {"addresses": ["10.0.0.3"], "conditions": {"ready": false}},
        {"addresses": ["10.0.0.4"], "conditions": {"ready": true, "terminating": true}},
        {"addresses": ["not-an-address"]},
    ]);
    let slices = [slice("a", None, &endpoints), up("a"), up("b"), slice("c", None, &json!([]))];
    let services = [service("a", 1, &[]), service("c", 1, &[]), service("d", 1, &[])];
    let state = fresh(&settings("{}"), &services, &slices);
    assert_eq!(names(&state), ["a"]);
    let expected = [([10, 0, 0, 1], 8080).into(), ([10, 0, 0, 2], 8080).into()];
    assert_eq!(state.upstreams[0].endpoints, BTreeSet::from(expected));
    assert!(state.refused.is_empty());
}

#[test]
fn of_two_families_the_first_of_the_service_is_used() {
    let spec = json!({"ports": [{"port": 80}], "ipFamilies": ["IPv6", "IPv4"]});
    let mut six = slice("a", None, &json!([{"addresses": ["fd00::1"]}]));
    six.address_type = "IPv6".into();
    let state = fresh(&settings("{}"), &[shaped("a", 1, &[], &spec)], &[up("a"), six]);
    let addresses: Vec<String> =
        state.upstreams[0].endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["[fd00::1]:8080"]);
    // Without any of the first, the others are better than none.
    let state = fresh(&settings("{}"), &[shaped("a", 1, &[], &spec)], &[up("a")]);
    assert_eq!(state.upstreams[0].endpoints, BTreeSet::from([([10, 0, 0, 1], 8080).into()]));
}

#[test]
fn a_port_that_is_renamed_stays_while_its_slices_do_not_know_it_yet() {
    let port = |name: &str| json!({"name": name, "port": 80});
    let mut old = slice("a", Some("old"), &json!([{"addresses": ["10.0.0.1"]}]));
    let both = shaped("a", 1, &[], &json!({"ports": [port("mcp"), port("other")]}));
    let alone = shaped("a", 1, &[], &json!({"ports": [port("mcp")]}));
    let found = |service: &Service, slice: &EndpointSlice| {
        !fresh(&settings("{}"), [service], [slice]).upstreams.is_empty()
    };
    // Which of two ports it was is not guessed.
    assert!(!found(&alone, &old));
    old.ports.as_mut().expect("ports").remove(0);
    assert!(found(&alone, &old));
    assert!(!found(&both, &old));
    old.ports.as_mut().expect("ports")[0].port = None;
    assert!(!found(&alone, &old));
}

#[test]
fn the_longest_annotations_of_the_most_services_are_taken_and_longer_ones_refused() {
    let gateway = json!({"server": {"instructions": "i".repeat(400_000)}}).to_string();
    let settings = settings(&gateway);
    let path = format!("/{}", "\"".repeat(2047));
    let annotations = [("mcp-mux/path", path.as_str()), ("mcp-mux/authority", &path[1..])];
    let mut services: Vec<Service> =
        (0..64).map(|n| service(&format!("s{n:02}"), 1, &annotations)).collect();
    services.push(service("long", 2, &[("mcp-mux/path", &(path.clone() + "x"))]));
    let slices: Vec<EndpointSlice> = services.iter().map(|it| up(&it.name_any())).collect();
    let state = fresh(&settings, &services, &slices);
    assert_eq!((state.upstreams.len(), refused(&state)), (64, vec![("long", "BadAnnotation")]));
    assert!(state.plugin(&settings).is_ok());
}

#[test]
fn what_an_annotation_says_is_not_taken_for_the_reason() {
    for (annotation, value) in
        [("mcp-mux/timeout", "x, the name of y"), ("mcp-mux/name", "a before the b")]
    {
        let state = fresh(&settings("{}"), &[service("a", 1, &[(annotation, value)])], &[]);
        assert_eq!(refused(&state), [("a", "BadAnnotation")], "{value}");
    }
}

#[test]
fn the_port_is_found_by_name_by_protocol_or_because_it_is_alone() {
    let web = json!({"name": "web", "port": 80});
    let other = json!({"name": "other", "port": 81});
    let named = json!({"name": "mcp", "port": 82});
    let declared = json!({"name": "x", "port": 83, "appProtocol": "mcp"});
    let udp = json!({"name": "udp", "port": 84, "protocol": "UDP"});
    for (ports, expected) in [
        (json!([web, named, declared]), Ok(82)),
        (json!([web, declared, udp]), Ok(83)),
        (json!([web, udp]), Ok(80)),
        (json!([web, other]), Err("NoPort")),
        (json!([declared, {"name": "y", "port": 85, "appProtocol": "mcp"}]), Err("NoPort")),
        (json!([udp]), Err("NoPort")),
        (json!([]), Err("NoPort")),
    ] {
        let service = shaped("a", 1, &[], &json!({ "ports": ports }));
        let claim = claim(&service, "c").map_err(|reason| reason.word);
        let port = claim.map(|it| {
            let authority = it.entry["authority"].as_str().unwrap_or_default().to_owned();
            authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0)
        });
        assert_eq!(port, expected, "{ports}");
    }
}

#[test]
fn a_service_that_cannot_be_an_upstream_is_left_out_with_what_to_do() {
    let services = [
        shaped("external", 9, &[], &json!({"type": "ExternalName", "externalName": "x.example"})),
        service("fine", 8, &[]),
        service("long-timeout", 7, &[("mcp-mux/timeout", "5 parsecs")]),
        service("odd-name", 6, &[("mcp-mux/name", "Odd_Name")]),
        service("odd-path", 5, &[("mcp-mux/path", "mcp")]),
        service("a-name-that-has-more-than-32-characters", 4, &[]),
    ];
    let slices: Vec<EndpointSlice> = services.iter().map(|it| up(&it.name_any())).collect();
    let state = fresh(&settings("{}"), &services, &slices);
    assert_eq!(names(&state), ["fine"]);
    let words = [
        ("external", "ExternalName"),
        ("long-timeout", "BadAnnotation"),
        ("odd-name", "BadAnnotation"),
        ("odd-path", "BadAnnotation"),
        ("a-name-that-has-more-than-32-characters", "BadAnnotation"),
    ];
    assert_eq!(refused(&state), words);
    let note = &state.refused[1].reason.note;
    assert!(
        note.starts_with("annotation mcp-mux/timeout: found \"5 parsecs\", expected"),
        "{note}"
    );
    let note = &state.refused[4].reason.note;
    assert!(note.starts_with("annotation mcp-mux/name or the Service's name: found"), "{note}");
}

#[test]
fn the_older_of_two_that_conflict_stays_whether_it_is_ready_or_not() {
    let services = [
        service("young", 1, &[("mcp-mux/name", "same")]),
        service("old", 9, &[("mcp-mux/name", "same")]),
        service("prefixed", 2, &[("mcp-mux/prefix", "same_")]),
    ];
    for ready in [true, false] {
        let mut slices = vec![up("young"), up("prefixed")];
        slices.extend(ready.then(|| up("old")));
        let state = fresh(&settings("{}"), &services, &slices);
        assert_eq!(names(&state), if ready { vec!["same"] } else { vec![] });
        assert_eq!(refused(&state), [("prefixed", "Conflict"), ("young", "Conflict")]);
        let note = &state.refused[1].reason.note;
        let said = "\"same\" is the name of the Service n/old: give this one another, by the";
        assert!(note.starts_with(said) && note.ends_with("mcp-mux/name"), "{note}");
        let note = &state.refused[0].reason.note;
        let said = "\"same___\" cannot be told from \"same__\", the prefix of the Service n/old";
        assert!(note.starts_with(said) && note.ends_with("mcp-mux/prefix"), "{note}");
        assert!(ready == (state.upstreams.first().is_some_and(|it| it.cluster == "mcp-mux/n/old")));
    }
}

#[test]
fn whoever_has_a_name_keeps_it_from_older_ones_that_come_later() {
    let same = [("mcp-mux/name", "same")];
    let mut services = vec![service("young", 1, &same)];
    let first = fresh(&settings("{}"), &services, &[up("young")]);
    assert_eq!(first.holders, Holders::from([("mcp-mux/n/young".to_owned(), true)]));
    services.push(service("old", 9, &same));
    let slices = [up("young"), up("old")];
    // Also while its pod starts again.
    for slices in [&slices[..], &slices[1..], &slices[..]] {
        let then = derive(&settings("{}"), &first.holders, &services, slices);
        assert_eq!(refused(&then), [("old", "Conflict")]);
        assert!(then.holders.keys().eq(first.holders.keys()));
    }
    services.remove(0);
    let then = derive(&settings("{}"), &first.holders, &services, &slices);
    assert_eq!((then.upstreams[0].cluster.as_str(), then.refused.len()), ("mcp-mux/n/old", 0));
}

#[test]
fn static_upstreams_come_first_and_give_way_to_none() {
    let settings = settings("{upstreams: [{name: z}], listen: b}");
    let services = [service("z", 9, &[]), service("b", 2, &[]), service("a", 1, &[])];
    let slices = [up("z"), up("b"), up("a")];
    let state = fresh(&settings, &services, &slices);
    assert_eq!(names(&state), ["a", "b"]);
    assert_eq!(refused(&state), [("z", "Conflict")]);
    assert!(state.refused[0].reason.note.contains("a static upstream"), "{state:?}");
    let plugin = state.plugin(&settings).expect("a configuration");
    let order: Vec<&Value> = plugin["upstreams"].as_array().unwrap().iter().collect();
    assert_eq!(order.iter().map(|it| &it["name"]).collect::<Vec<_>>(), ["z", "a", "b"]);
    assert_eq!(plugin["listen"], "b");
}

#[test]
fn of_more_than_64_the_oldest_stay() {
    let statics: Vec<Value> = (0..40).map(|n| json!({"name": format!("s{n}")})).collect();
    let settings = settings(&json!({ "upstreams": statics }).to_string());
    let services: Vec<Service> =
        (0..30).map(|age| service(&format!("d{age:02}"), age, &[])).collect();
    // One of the oldest has no endpoints, so it takes no place.
    let slices: Vec<EndpointSlice> = (0..29).map(|age| up(&format!("d{age:02}"))).collect();
    let state = fresh(&settings, &services, &slices);
    assert_eq!(state.upstreams.len(), 24);
    assert_eq!(names(&state)[0], "d05");
    let words: Vec<_> = refused(&state);
    assert_eq!(words[0], ("d04", "TooMany"));
    assert_eq!(words.len(), 5);
    // Whoever is there stays, however old the others are; then comes who has a name.
    let holders = ["d00", "d01"].map(|name| (format!("mcp-mux/n/{name}"), true));
    let mut holders = Holders::from(holders);
    let then = derive(&settings, &holders, &services, &slices);
    assert_eq!((names(&then)[0], names(&then)[1]), ("d00", "d01"));
    holders.extend((2..26).map(|age| (format!("mcp-mux/n/d{age:02}"), age < 24)));
    let then = derive(&settings, &holders, &services, &slices);
    assert_eq!((names(&then)[0], names(&then)[23]), ("d00", "d23"));
    let words = refused(&then);
    assert_eq!((words[0], words.len()), (("d25", "TooMany"), 5));
    assert_eq!(derive(&settings, &then.holders, &services, &slices).upstreams, then.upstreams);
    assert!(state.plugin(&settings).is_ok());
}

#[test]
fn the_order_of_the_objects_does_not_matter() {
    let mut services = vec![service("b", 1, &[]), service("a", 1, &[]), service("c", 3, &[])];
    let mut slices = vec![up("a"), up("b"), up("c")];
    let first = fresh(&settings("{}"), &services, &slices);
    services.reverse();
    slices.reverse();
    let second = fresh(&settings("{}"), &services, &slices);
    assert_eq!(first.upstreams, second.upstreams);
}

#[test]
fn a_slice_of_another_namespace_is_no_matter() {
    let mut slice = up("a");
    slice.metadata.namespace = Some("m".into());
    let state = fresh(&settings("{}"), &[service("a", 1, &[])], &[slice]);
    assert!(state.upstreams.is_empty() && state.refused.is_empty());
    assert_eq!(state.plugin(&settings("{}")), Ok(json!({"upstreams": []})));
}
