//! The objects and lists that are open, at one bit each.

/// How many may be open at a time.
const DEPTH: usize = 1 << 20;

/// What a bracket encloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
}

impl Kind {
    /// By either bracket.
    pub(super) fn of(bracket: u8) -> Self {
        if matches!(bracket, b'{' | b'}') { Self::Object } else { Self::List }
    }
}

/// Brackets that are open.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    depth: usize,
    /// The lowest bits of `top` are the innermost; full words move to `below`.
    top: u64,
    below: Vec<u64>,
}

impl Brackets {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn held(&self) -> usize {
        self.below.capacity() * size_of::<u64>()
    }

    /// Opens one; `false` if that is too deep.
    pub(super) fn push(&mut self, kind: Kind) -> bool {
        if self.depth == DEPTH {
            return false;
        }
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(kind == Kind::Object);
        self.depth += 1;
        true
    }

    /// Closes one; `false` if the innermost is of another kind.
    pub(super) fn pop(&mut self, kind: Kind) -> bool {
        if self.last() != Some(kind) {
            return false;
        }
        self.depth -= 1;
        self.top >>= 1;
        if self.depth.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or_default();
        }
        true
    }

    /// The innermost.
    pub(super) fn last(&self) -> Option<Kind> {
        let kind = if self.top & 1 == 1 { Kind::Object } else { Kind::List };
        (self.depth > 0).then_some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn what_was_opened_last_is_closed_first_at_any_depth() {
        let mut chance = Chance::new(1);
        let mut brackets = Brackets::default();
        let mut model = Vec::new();
        for round in 0..20_000 {
            let grows = if round < 10_000 { 6 } else { 4 };
            let kind = chance.pick(&[Kind::Object, Kind::List]);
            if chance.below(10) < grows {
                assert!(brackets.push(kind));
                model.push(kind);
            } else {
                let fits = model.last() == Some(&kind);
                assert_eq!(brackets.pop(kind), fits);
                if fits {
                    model.pop();
                }
            }
            assert_eq!((brackets.depth(), brackets.last()), (model.len(), model.last().copied()));
        }
    }

    #[test]
    fn depth_is_bounded_and_so_is_memory() {
        let mut brackets = Brackets::default();
        for _ in 0..DEPTH {
            assert!(brackets.push(Kind::List));
        }
        assert!(!brackets.push(Kind::List));
        assert!(brackets.held() <= 256 * 1024, "{}", brackets.held());
    }
}
