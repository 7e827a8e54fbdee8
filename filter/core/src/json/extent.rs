//! Finds where a JSON object or list ends, as its bytes arrive, without reading what it says.

use memchr::memchr2;

/// How far one has come. Linear in the bytes; holds nothing of them.
#[derive(Debug, Default)]
pub struct Extent {
    /// How many objects and lists are open.
    depth: usize,
    within: Within,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    /// Before the first byte that is no white space.
    #[default]
    Lead,
    Text,
    String,
    /// Behind a backslash in a string.
    Escape,
}

impl Extent {
    /// Takes the next bytes; how many of them are its own, if it ends in them. What is neither ends
    /// at once.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            rest = after;
            match (self.within, first) {
                (Within::Lead, b' ' | b'\t' | b'\n' | b'\r') => {}
                (Within::Lead | Within::Text, b'{' | b'[') => {
                    self.within = Within::Text;
                    self.depth += 1;
                }
                (Within::Lead, _) => return Some(bytes.len() - rest.len()),
                (Within::Text, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(bytes.len() - rest.len());
                    }
                }
                (Within::Text, b'"') | (Within::Escape, _) => self.within = Within::String,
                (Within::Text, _) => {}
                (Within::String, b'"') => self.within = Within::Text,
                (Within::String, b'\\') => self.within = Within::Escape,
                (Within::String, _) => {
                    let next = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    rest = rest.get(next..).unwrap_or_default();
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_with_its_last_brace_however_it_is_cut() {
        for (text, after) in [
            ("{}", ""),
            (" \r\n\t{} ", " "),
            (r#"{"a":[{"b":"}\"]\\"},"{"],"\\":1}x"#, "x"),
            (r#"{"a":"\u005c"}}"#, "}"),
            ("[1]", ""),
            (r#"[{"a":"]"},[]]] "#, "] "),
            ("x", ""),
        ] {
            let end = text.len() - after.len();
            for cut in 0..=text.len() {
                let mut extent = Extent::default();
                let (one, two) = text.as_bytes().split_at(cut);
                let first = extent.feed(one);
                assert_eq!(first, (cut >= end).then_some(end), "{text} at {cut}");
                assert!(first.is_some() || extent.feed(two) == Some(end - cut), "{text} at {cut}");
            }
            let mut extent = Extent::default();
            let ended = text.bytes().position(|byte| extent.feed(&[byte]).is_some());
            assert_eq!(ended, Some(end - 1), "{text}");
        }
        for unfinished in ["", " ", "{", r#"{"a":"}"#, r#"{"a":"\"#] {
            assert_eq!(Extent::default().feed(unfinished.as_bytes()), None, "{unfinished}");
        }
    }
}
