//! Which containers are open, one bit for each.

/// What has members or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// `{}`.
    Object,
    /// `[]`.
    List,
}

impl Container {
    /// By either bracket.
    #[must_use]
    pub(crate) const fn of(bracket: u8) -> Self {
        if matches!(bracket, b'{' | b'}') { Self::Object } else { Self::List }
    }
}

/// The open containers, the innermost last. Nothing is allocated for the first 64.
#[derive(Debug, Default)]
pub(crate) struct BracketStack {
    /// How many of the bits below are in use.
    used: u32,
    /// The innermost ones; the last is the lowest bit, set for a list.
    bits: u64,
    /// All outer ones, 64 at a time.
    outer: Vec<u64>,
}

impl BracketStack {
    /// Opens one.
    pub(crate) fn push(&mut self, container: Container) {
        if self.used == u64::BITS {
            self.outer.push(self.bits);
            self.used = 0;
        }
        self.bits = self.bits << 1 | u64::from(container == Container::List);
        self.used += 1;
    }

    /// Closes the innermost one.
    pub(crate) fn pop(&mut self) {
        self.bits >>= 1;
        self.used = self.used.saturating_sub(1);
        if self.used == 0
            && let Some(bits) = self.outer.pop()
        {
            (self.bits, self.used) = (bits, u64::BITS);
        }
    }

    /// How many are open.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        self.outer.len() * 64 + self.used as usize
    }

    /// How many bytes of memory the outer ones take.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.outer.capacity() * size_of::<u64>()
    }

    /// The innermost one.
    #[must_use]
    pub(crate) const fn top(&self) -> Option<Container> {
        match (self.used, self.bits & 1) {
            (0, _) => None,
            (_, 0) => Some(Container::Object),
            _ => Some(Container::List),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn what_was_opened_last_is_closed_first_at_any_depth() {
        let mut chance = Chance::new(1);
        let mut nest = BracketStack::default();
        let mut model = Vec::new();
        for round in 0..20_000 {
            let grows = if round < 10_000 { 6 } else { 4 };
            if chance.below(10) < grows {
                let container = chance.pick(&[Container::Object, Container::List]);
                nest.push(container);
                model.push(container);
            } else {
                nest.pop();
                model.pop();
            }
            assert_eq!((nest.depth(), nest.top()), (model.len(), model.last().copied()));
        }
    }

    #[test]
    fn a_level_takes_a_bit() {
        let mut nest = BracketStack::default();
        for _ in 0..1 << 20 {
            nest.push(Container::List);
        }
        assert!(nest.held() <= 256 * 1024, "{}", nest.held());
    }
}
