//! Members of a list's result besides its items. Those that clients would reject the result for are left out.

use super::check::is_integer;
use crate::era::upstream::stateless::META_SERVER_INFO;
use crate::fault::Fault;
use crate::json::{Members, Raw, encode};
use crate::mcp::fields::RELATED_TASK;

/// The longest `nextCursor` of an upstream that is carried on, in bytes of JSON.
pub(super) const CURSOR_LIMIT: usize = 16 * 1024;

/// Whether clients take a result with this member of its `_meta`; one that they know is checked by some.
/// Whose identity it is, the gateway says itself.
fn clients_take_meta(key: &str, value: Raw<'_>) -> bool {
    match key {
        "progressToken" => value.is_string() || is_integer(value),
        RELATED_TASK => {
            let task = Members::read(value).and_then(|it| it.find("taskId"));
            task.is_some_and(Raw::is_string)
        }
        META_SERVER_INFO => false,
        _ => true,
    }
}

/// The raw JSON string of a `nextCursor`, if it leads anywhere.
pub(super) fn next_cursor(value: Raw<'_>) -> Result<Option<String>, Fault> {
    match value.get() {
        "null" => Ok(None),
        raw if !raw.starts_with('"') => Err(Fault::CursorNoString),
        raw if raw.len() > CURSOR_LIMIT => Err(Fault::CursorTooLong { limit: CURSOR_LIMIT }),
        raw => Ok(Some(raw.to_owned())),
    }
}

/// The members of `_meta` that clients take, as raw keys and values.
pub(super) fn meta(object: Raw<'_>) -> Vec<(String, String)> {
    let members = Members::read(object).unwrap_or_default();
    let members = members.iter().filter(|(key, value)| clients_take_meta(key, *value));
    members.map(|(key, value)| (encode(key), value.get().to_owned())).collect()
}
