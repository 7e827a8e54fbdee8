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

#[cfg(test)]
mod tests {
    use super::*;

    /// A list as Envoy writes it: each text beside nothing.
    fn written(elements: &[&str]) -> Vec<u8> {
        let number = |length: usize| u32::try_from(length).expect("short").to_le_bytes();
        let mut bytes = number(elements.len()).to_vec();
        for element in elements {
            bytes.extend(number(element.len()));
            bytes.extend(number(0));
        }
        for element in elements {
            bytes.extend(element.as_bytes());
            bytes.extend(b"\0\0");
        }
        bytes
    }

    #[test]
    fn a_claim_is_a_text_or_the_texts_of_a_list() {
        assert_eq!(texts(b"admins"), ["admins"]);
        assert_eq!(texts(&written(&["admins", "", "users"])), ["admins", "", "users"]);
        assert_eq!(texts(&written(&[])), Vec::<String>::new());
        assert_eq!(texts(b"\xff\xfe"), Vec::<String>::new(), "no text");
    }

    #[test]
    fn what_is_no_list_to_its_last_byte_is_none() {
        let whole = written(&["admins", "users"]);
        for length in 0..whole.len() {
            assert_eq!(list(&whole[..length]), None, "{length}");
        }
        assert_eq!(list(&[whole.as_slice(), b"x"].concat()), None);
        assert_eq!(list(&[0xff; 12]), None, "more elements than bytes");
    }
}
