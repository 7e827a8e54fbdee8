//! What follows when every upstream that was asked has answered, or has failed.

use crate::effect::{Effect, Step};
use crate::exchange::fan_out::leg::{Leg, Progress};
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::{FanOut, opened};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn};

impl<Q: Question + 'static, C: Completion<Q> + 'static> FanOut<Q, C> {
    /// Asks those upstreams once more that have more to say.
    fn next_round(&mut self, cx: &mut Context<'_>) -> Vec<Effect> {
        let legs = self.legs.iter_mut();
        let mut parts: Vec<_> = legs
            .filter_map(|leg| Some((leg.upstream, leg.part.as_mut()?.as_mut().ok()?)))
            .collect();
        let asked = self.question.next_round(cx, &mut parts);
        let mut legs = std::mem::take(&mut self.legs);
        let mut effects = Vec::new();
        for (at, leg) in legs.iter_mut().enumerate() {
            if asked.contains(&leg.upstream) {
                leg.reopen();
                effects.push(self.send(cx, (at, leg), Progress::Asked));
            }
        }
        self.legs = legs;
        self.weigh();
        effects
    }

    /// Goes on with what the upstreams have said, when no leg is open.
    pub(super) fn complete(mut self, cx: &mut Context<'_>, mut effects: Vec<Effect>) -> Turn {
        self.legs.sort_by_key(|leg| leg.upstream);
        effects.extend(self.next_round(cx));
        if self.load.open > 0 {
            return (Next::FanOut(Box::new(self)), Step::hold_with(effects));
        }
        for leg in &self.legs {
            if let Some(peer) = &leg.peer {
                self.caller.join(leg.upstream, peer);
            }
        }
        effects.extend(opened::settled(cx, &self.caller, &self.legs));
        let Self { question, completion, mut legs, caller, .. } = self;
        let loss = legs.iter_mut().find_map(Leg::take_loss);
        let parts = legs.into_iter().filter_map(|leg| Some((leg.upstream, leg.part?))).collect();
        let ended = Ended { parts, caller, loss };
        let (state, step) = completion.complete(cx, question, ended);
        effects.extend(step.effects);
        (state, Step { verdict: step.verdict, effects })
    }
}
