//! A server that says things on its own, and keeps them for those who come back.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Live, Response, Seen, Server, World};

/// What a server has said in one session, from the first to the last; each event's id is its number.
#[derive(Clone)]
pub(crate) struct Talker {
    name: &'static str,
    said: Rc<RefCell<Vec<String>>>,
}

impl Talker {
    /// Puts one in front of a server of this name.
    pub(crate) fn put(world: &mut World, name: &'static str, mut server: Server) -> Self {
        let talker = Self { name, said: Rc::default() };
        let said = talker.said.clone();
        world.script(name, move |seen: &Seen| {
            if seen.header(":method").as_deref() != Some("GET") {
                return server.answer(seen);
            }
            // It insists on its session.
            server.answer(seen);
            assert_eq!(seen.header("accept").as_deref(), Some("text/event-stream"));
            let last: Option<usize> =
                seen.header("last-event-id").map(|id| id.parse().expect("a number of ours"));
            let from = last.unwrap_or(usize::MAX);
            let said = said.borrow();
            let rest: Vec<String> = (1..)
                .zip(said.iter())
                .filter(|(at, _)| *at > from)
                .map(|(at, it)| event(at, it))
                .collect();
            Response::new(200, "text/event-stream", rest.concat()).says()
        });
        talker
    }

    /// Says something, to those who listen now and to those who come back.
    pub(crate) fn say(&self, live: &mut Live, world: &mut World, message: &str) {
        self.begin_to_say(live, world, message);
        live.settle(world);
    }

    /// The same; it is under way then.
    pub(crate) fn begin_to_say(&self, live: &mut Live, world: &mut World, message: &str) {
        let at = {
            let mut said = self.said.borrow_mut();
            said.push(message.to_owned());
            said.len()
        };
        live.send(world, self.name, event(at, message).as_bytes());
    }
}

fn event(at: usize, message: &str) -> String {
    format!("id: {at}\ndata: {message}\n\n")
}
