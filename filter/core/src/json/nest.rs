//! Which containers are open, one bit for each.

/// What has members or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    List,
}

/// The open containers, the innermost last. Nothing is allocated for the first 64.
#[derive(Debug, Default)]
pub(super) struct Nest {
    /// How many of the bits below are in use.
    used: u32,
    /// The innermost ones; the last is the lowest bit, set for a list.
    bits: u64,
    /// All outer ones, 64 at a time.
    outer: Vec<u64>,
}

impl Nest {
    pub(super) fn push(&mut self, container: Container) {
        if self.used == u64::BITS {
            self.outer.push(self.bits);
            self.used = 0;
        }
        self.bits = self.bits << 1 | u64::from(container == Container::List);
        self.used += 1;
    }

    pub(super) fn pop(&mut self) {
        self.bits >>= 1;
        self.used = self.used.saturating_sub(1);
        if self.used == 0
            && let Some(bits) = self.outer.pop()
        {
            (self.bits, self.used) = (bits, u64::BITS);
        }
    }

    /// How many bytes of memory the outer ones take.
    pub(super) fn held(&self) -> usize {
        self.outer.capacity() * size_of::<u64>()
    }

    /// The innermost one.
    pub(super) const fn top(&self) -> Option<Container> {
        match (self.used, self.bits & 1) {
            (0, _) => None,
            (_, 0) => Some(Container::Object),
            _ => Some(Container::List),
        }
    }
}
