//! Anything, in any order: no panic, and every answer is one.

use std::collections::BTreeMap;

use super::*;
use crate::chance::Chance;

/// How far each answer is.
#[derive(Default)]
struct Answers(BTreeMap<u64, &'static str>);

impl Answers {
    fn hold(&mut self, effects: &[Effect], gone: &[u64]) {
        for effect in effects {
            let Effect::Answer(Asker(asker), part) = effect else { continue };
            assert!(!gone.contains(asker), "nobody waits for {effect:?}");
            let before = self.0.get(asker).copied().unwrap_or("asked");
            let now = match part {
                Part::Head { .. } => "begun",
                Part::Body(_) => "begun ",
                Part::End => "over",
                Part::Lost => "over ",
            };
            let fits = match now.trim_end() {
                "begun" if now == "begun" => before == "asked",
                "begun" => before.starts_with("begun"),
                _ if now == "over" => before.starts_with("begun"),
                _ => before == "asked",
            };
            assert!(fits, "{effect:?} after {before}");
            self.0.insert(*asker, now);
        }
    }
}

#[test]
fn every_answer_is_one_whatever_happens() {
    for seed in 0..400 {
        let mut chance = Chance::new(seed);
        let mut world = World::new();
        let mut sessions = vec![world.open()];
        let (mut answers, mut gone, mut streams) = (Answers::default(), Vec::new(), 9);
        for _ in 0..200 {
            let session = &sessions[chance.below(sessions.len())];
            let stream = StreamId(chance.below(streams) as u64);
            let id = FIRST + chance.below(8) as u64;
            match chance.below(12) {
                0 => drop(world.post(
                    session,
                    r#"{"id":1,"method":"x","params":{"_meta":{"progressToken":1}}}"#,
                )),
                1 => drop(world.post(
                    session,
                    r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#,
                )),
                2 => drop(world.ask(request("GET", Some(&session.id), ""))),
                3 => {
                    let asker =
                        chance.below(1 + usize::try_from(world.askers).expect("few")) as u64;
                    let is_over = answers.0.get(&asker).is_some_and(|it| it.starts_with("over"));
                    if asker < world.askers && !is_over {
                        gone.push(asker);
                        world.gone(Asker(asker));
                    }
                }
                4 => world.head(stream, [200, 202, 404, 500][chance.below(4)]),
                5 => world.end(stream, chance.below(2) == 0),
                6 => world.data(
                    stream,
                    ["data: {", "\n\n", "x: y\r", "event: endpoint\n"][chance.below(4)],
                ),
                7 => world.say(session, &format!(r#"{{"id":{id},"result":{{}}}}"#)),
                8 => world.say(session, r#"{"method":"y"}"#),
                9 => world.say(session, r#"{"id":3,"method":"ping"}"#),
                10 if chance.below(4) == 0 => {
                    let effects = world.took();
                    answers.hold(&effects, &gone);
                    if world.bridge.sessions() < 3 {
                        sessions.push(world.open());
                        // Its answer was not looked at.
                        answers.0.insert(world.askers - 1, "over");
                    }
                }
                _ => drop(world.ask(request("POST", None, INITIALIZE))),
            }
            streams += world.effects.iter().filter(|it| matches!(it, Effect::Open { .. })).count();
            let effects = world.took();
            answers.hold(&effects, &gone);
        }
    }
}
