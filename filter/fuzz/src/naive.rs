//! Whom a client reaches by a name, read the naive way.

/// The upstreams of the world: their names and prefixes; the last has none.
pub(crate) const UPS: [(&str, &str); 3] = [("a", "a"), ("b", "B_1"), ("c", "")];

/// The owner of a name that a client uses, and what it calls the thing itself.
pub(crate) fn owner(shown: &str) -> (&'static str, &str) {
    for (name, prefix) in UPS {
        if !prefix.is_empty()
            && let Some(own) = shown.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("__"))
        {
            return (name, own);
        }
    }
    ("c", shown)
}
