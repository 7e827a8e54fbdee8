//! What servers are called at the gateway: names of users may have any characters, those of upstreams may not.

use std::collections::BTreeSet;

/// The longest name of an upstream, in characters.
const LONGEST: usize = 32;

/// A name like the one that the file has, and like none that is taken.
pub(super) fn upstream(written: &str, taken: &BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = written.chars().map(plain).collect();
    let joined = text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let base = if joined.is_empty() { "server".to_owned() } else { joined };
    let numbered = |number: usize| {
        let end = if number == 1 { String::new() } else { format!("-{number}") };
        let kept: String = base.chars().take(LONGEST - end.len()).collect();
        format!("{}{end}", kept.trim_end_matches('-'))
    };
    // One of so many is free.
    (1..=taken.len() + 1).map(numbered).find(|name| !taken.contains(name)).unwrap_or(base.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_characters_of_an_upstream_and_is_unique() {
        let taken = BTreeSet::from(["a".to_owned(), "a-2".to_owned()]);
        let long = "x".repeat(31) + "--y";
        for (written, name) in [
            ("github", "github"),
            ("Brave_Search", "brave-search"),
            ("  My Server! ", "my-server"),
            ("é", "server"),
            ("", "server"),
            ("a", "a-3"),
            (long.as_str(), &"x".repeat(31)),
        ] {
            assert_eq!(upstream(written, &taken), name, "{written}");
        }
    }
}
