//! What the legs of a fan-out come to, kept as they change: an event costs the same however many there are.

use super::Leg;
use crate::exchange::fan_out::question::Question;

/// What legs come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many have not ended.
    pub(crate) open: usize,
    /// How many bytes they hold.
    pub(crate) held: usize,
}

impl Load {
    /// One leg comes to something else than before.
    pub(crate) fn exchange(&mut self, before: Self, after: Self) {
        self.open = (self.open + after.open).saturating_sub(before.open);
        self.held = (self.held + after.held).saturating_sub(before.held);
    }
}

impl<P> Leg<P> {
    /// What it comes to.
    pub(crate) fn load<Q: Question<Part = P>>(&self) -> Load {
        let part = self.part.as_ref().and_then(|part| part.as_ref().ok());
        let parts = self.so_far.iter().chain(part).map(Q::size).sum::<usize>();
        let body = self.body.capacity() + self.steps.as_ref().map_or(0, |steps| steps.held());
        Load { open: usize::from(self.part.is_none()), held: body + parts }
    }
}
