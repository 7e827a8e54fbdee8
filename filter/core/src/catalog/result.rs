//! Members of a list's result besides its items, as far as clients reject a result for them.

use super::check::is_integer;
use crate::json::{Members, Raw, decode};
use crate::mcp::fields::RELATED_TASK;

/// Whether clients take a result with this member; one that they know is checked by some.
pub(super) fn clients_take(key: &str, value: Raw<'_>) -> bool {
    match key {
        "ttlMs" => is_integer(value) && !value.get().starts_with('-'),
        "cacheScope" => decode(value.get()).is_some_and(|it| ["public", "private"].contains(&&*it)),
        "resultType" => value.is_string(),
        _ => true,
    }
}

/// The same of a member of its `_meta`.
pub(super) fn clients_take_meta(key: &str, value: Raw<'_>) -> bool {
    match key {
        "progressToken" => value.is_string() || is_integer(value),
        RELATED_TASK => {
            let task = Members::read(value).and_then(|it| it.find("taskId"));
            task.is_some_and(Raw::is_string)
        }
        _ => true,
    }
}
