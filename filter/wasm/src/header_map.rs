//! Headers as the ABI puts them into bytes: a count, the lengths of all names and values, then each of
//! them followed by a zero.

use mcp_mux_core::Header;

/// Headers that Envoy gave.
pub(crate) struct HeaderMap(Vec<u8>);

impl HeaderMap {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The headers; none where the bytes are no map.
    pub(crate) fn pairs(&self) -> Vec<Header<'_>> {
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Option<Vec<Header<'_>>> {
        let number = |index: usize| -> Option<usize> {
            let bytes = self.0.get(index * 4..index * 4 + 4)?;
            usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
        };
        let count = number(0)?;
        let mut at = count.checked_mul(8)?.checked_add(4)?;
        let mut text = |length: usize| -> Option<&[u8]> {
            let bytes = self.0.get(at..at.checked_add(length)?)?;
            at += length + 1;
            Some(bytes)
        };
        (0..count)
            .map(|it| Some((text(number(1 + 2 * it)?)?, text(number(2 + 2 * it)?)?)))
            .collect()
    }
}

/// The reverse of [`HeaderMap::pairs`].
pub(crate) fn serialize(headers: &[(&str, &[u8])]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
    let mut out = u32::try_from(headers.len()).unwrap_or(0).to_le_bytes().to_vec();
    for (name, value) in headers {
        out.extend(length(name.as_bytes()));
        out.extend(length(value));
    }
    for (name, value) in headers {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}
