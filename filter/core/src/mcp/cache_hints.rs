//! How long a client may keep a result, and for whom (2026-07-28, Caching).

use crate::json::{Raw, decode};

/// The hints of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheHints {
    /// For how many milliseconds it is fresh; 0 for a result that is not to be kept.
    pub ttl_ms: u64,
    /// Whether everybody may be given it, or the caller alone.
    pub is_public: bool,
}

impl CacheHints {
    /// Not to be kept: what holds where nothing is said.
    pub const NONE: Self = Self { ttl_ms: 0, is_public: false };

    /// The widest hints: those of a result that nobody has contributed to yet.
    pub const WIDEST: Self = Self { ttl_ms: u64::MAX, is_public: true };

    /// Reads `ttlMs` and `cacheScope`; what is missing or of a wrong type says nothing.
    #[must_use]
    pub fn read(ttl_ms: Option<Raw<'_>>, scope: Option<Raw<'_>>) -> Self {
        let ttl_ms = ttl_ms.and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
        let is_public = scope.and_then(|raw| decode(raw.get())).is_some_and(|it| it == "public");
        Self { ttl_ms, is_public }
    }

    /// The hints of a result that two have contributed to.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { ttl_ms: self.ttl_ms.min(other.ttl_ms), is_public: self.is_public && other.is_public }
    }

    /// The same hints `seconds` later.
    #[must_use]
    pub const fn aged(self, seconds: u64) -> Self {
        let ttl_ms = self.ttl_ms.saturating_sub(seconds.saturating_mul(1000));
        Self { ttl_ms, is_public: self.is_public }
    }

    /// The members of a result of the stateless era that is complete and may be kept, without braces.
    #[must_use]
    pub fn members(self) -> String {
        let scope = if self.is_public { "public" } else { "private" };
        let ttl_ms = self.ttl_ms;
        format!(r#""resultType":"complete","ttlMs":{ttl_ms},"cacheScope":"{scope}""#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ttl_ms: &str, scope: &str) -> CacheHints {
        CacheHints::read(Raw::read(ttl_ms), Raw::read(scope))
    }

    #[test]
    fn what_is_not_said_clearly_says_nothing() {
        assert_eq!(read("500", r#""public""#), CacheHints { ttl_ms: 500, is_public: true });
        for ttl_ms in ["null", "-1", "1.5", r#""500""#, "1e3"] {
            assert_eq!(read(ttl_ms, r#""shared""#), CacheHints::NONE, "{ttl_ms}");
        }
        assert_eq!(CacheHints::read(None, None), CacheHints::NONE);
    }

    #[test]
    fn the_strictest_hint_of_all_holds() {
        let [a, b] = [read("500", r#""public""#), read("70", r#""private""#)];
        assert_eq!(a.and(b), CacheHints { ttl_ms: 70, is_public: false });
        assert_eq!(a.and(CacheHints::NONE), CacheHints::NONE);
        assert_eq!(CacheHints::WIDEST.and(a), a);
    }

    #[test]
    fn they_shrink_with_age() {
        let hints = read("5000", r#""public""#);
        assert_eq!(hints.aged(2).ttl_ms, 3000);
        assert_eq!(hints.aged(9).ttl_ms, 0);
        assert_eq!(
            hints.members(),
            r#""resultType":"complete","ttlMs":5000,"cacheScope":"public""#
        );
    }
}
