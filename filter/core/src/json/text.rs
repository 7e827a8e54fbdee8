//! Strings between their JSON text and what they say, and where a slice stands in its document.

use std::borrow::Cow;
use std::ops::Range;

/// The text of a raw JSON string; `None` for anything else, a lone surrogate included.
#[must_use]
pub(crate) fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The JSON text of a string.
#[must_use]
pub(crate) fn encode(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Where `part`, a slice of `whole`, stands in it.
#[must_use]
pub(crate) fn range_in(whole: &[u8], part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    whole.get(range.clone()).map(|_| range)
}
