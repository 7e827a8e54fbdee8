//! Any number of clients, in any order, on any of the workers that have one memory: whoever stays gets the list.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mcp_mux_core::Kind;
use mcp_mux_core::effect::Served::Miss;
use serde_json::json;

use super::list;
use crate::list_cache::plan;
use crate::world::{Answer, Chance, Crowd, EVERYTHING, Response, Server, TOOLS, World};

#[test]
fn whatever_happens_all_who_stay_get_the_list_of_their_session() {
    let mut saved = 0;
    for seed in 0..150 {
        let mut chance = Chance::new(seed);
        let scope = chance.pick(&["session", "public"]);
        let mut plan = plan(&["a", "b"], scope);
        plan["naming"] = json!({"prefix": chance.pick(&["always", "on_conflict", "never"])});
        let mut world = World::new(&plan);
        world.chance = Chance::new(seed + 1000);
        // The tools of each upstream are named after the number of their changes.
        let version = Rc::new(RefCell::new(0_usize));
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).capabilities(EVERYTHING));
            let (version, mut flaky) = (version.clone(), Chance::new(seed + 7));
            world.script_method(name, TOOLS.method, move |seen| match flaky.below(12) {
                0 => Answer::Silent,
                1 => Answer::NotSent,
                _ => {
                    let tool = format!(
                        r#"{{"name":"{name}-{}","inputSchema":{{"type":"object"}}}}"#,
                        version.borrow()
                    );
                    let id = seen.id();
                    let body =
                        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tool}]}}}}"#);
                    Response::new(200, "application/json", body).says()
                }
            });
        }
        let sessions = [world.open(), world.open(), world.open()];
        let mut crowd = Crowd::of(&mut world);
        // By number: what was current when it was asked for.
        let mut asking = BTreeMap::new();
        for id in 0..40 {
            match chance.below(8) {
                0 => {
                    *version.borrow_mut() += 1;
                    crowd.world.ambient.changed(Kind::Tool);
                }
                1 => crowd.world.ambient.changed(Kind::Prompt),
                2 => crowd.world.ambient.now += 3,
                3 => {
                    let all: Vec<usize> = asking.keys().copied().collect();
                    if let Some(at) = all.get(chance.below(all.len().max(1)))
                        && crowd.leave(*at)
                    {
                        asking.remove(at);
                    }
                }
                _ => {
                    if chance.below(2) == 0 {
                        crowd.world.next_worker();
                    }
                    let request = list(&sessions[chance.below(3)], &id.to_string());
                    asking.insert(crowd.ask(&request), (id, *version.borrow()));
                }
            }
            for _ in 0..chance.below(4) {
                crowd.step();
            }
        }
        crowd.finish();
        let now = *version.borrow();
        for (at, (id, version)) in asking {
            let got = crowd.got(at);
            assert_eq!(got.json()["id"], id, "seed {seed}");
            saved += usize::from(got.served() != Some(Miss));
            if got.json().get("error").is_some() {
                continue;
            }
            assert_eq!(got.names().len() + got.unavailable().len(), 2, "seed {seed}");
            for name in got.names() {
                let told: usize = name.rsplit('-').next().expect("a number").parse().expect("one");
                assert!((version..=now).contains(&told), "seed {seed}: {name} after {version}");
            }
        }
    }
    assert!(saved > 1000, "{saved} were saved");
}
