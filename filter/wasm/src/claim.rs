//! The texts of a claim, as Envoy hands it over.
//!
//! Envoy writes a text as it is, and a list as the ABI writes pairs, with nothing in place of one half of each: the count,
//! the two lengths of each pair, then each half with a zero behind it, all numbers in 32 bits, the lowest first.

/// The texts of a list, or the text itself. Whatever is neither is none.
pub(crate) fn texts(bytes: &[u8]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    match list(bytes) {
        Some(texts) => texts.into_iter().filter_map(text).collect(),
        None => text(bytes).into_iter().collect(),
    }
}

/// The elements of a list; `None` if it is none to its last byte.
fn list(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut lengths) = number(bytes)?;
    let mut rest = lengths.get(count.checked_mul(8)?..)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let (one, behind) = number(lengths)?;
        let (two, behind) = number(behind)?;
        lengths = behind;
        let mut half = |length: usize| {
            let (half, behind) = rest.split_at_checked(length)?;
            rest = behind.strip_prefix(b"\0")?;
            Some(half)
        };
        let (one, two) = (half(one)?, half(two)?);
        found.push(match (one, two) {
            (text, []) | ([], text) => text,
            _ => return None,
        });
    }
    rest.is_empty().then_some(found)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}
