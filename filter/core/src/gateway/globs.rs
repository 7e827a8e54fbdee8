//! Which names, or URIs, something is about.

/// Globs that admit names: those that `allow` has and `deny` has not. At most 256 of each kind.
#[derive(Debug, Default)]
pub struct Globs {
    /// `None`: every name. An empty set admits none.
    allow: Option<Vec<Glob>>,
    /// Wins over `allow`.
    deny: Option<Vec<Glob>>,
}

/// Most globs are simple, and a call is held against them.
#[derive(Debug)]
enum Glob {
    /// Without anything special.
    Exact(String),
    /// `beginning*`.
    Beginning(String),
    /// `*end`.
    End(String),
    /// Any other.
    Other(glob::Pattern),
}

impl Glob {
    fn new(pattern: glob::Pattern) -> Self {
        let is_plain = |text: &&str| !text.contains(['*', '?', '[', ']']);
        let text = pattern.as_str();
        if let Some(beginning) = text.strip_suffix('*').filter(is_plain) {
            Self::Beginning(beginning.to_owned())
        } else if let Some(end) = text.strip_prefix('*').filter(is_plain) {
            Self::End(end.to_owned())
        } else if is_plain(&text) {
            Self::Exact(text.to_owned())
        } else {
            Self::Other(pattern)
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => name == text,
            Self::Beginning(text) => name.starts_with(text),
            Self::End(text) => name.ends_with(text),
            Self::Other(pattern) => pattern.matches_with(name, MATCHING),
        }
    }
}

/// `*` matches any characters: names are not paths.
const MATCHING: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// How often a URI is decoded at most until nothing changes any more. One that is encoded more often is admitted by no
/// glob.
const DECODED: usize = 4;

impl Globs {
    /// Every name.
    pub(crate) const ALL: Self = Self { allow: None, deny: None };

    /// Those that `allow` has, or all, without those that `deny` has.
    pub(crate) fn new(allow: Option<Vec<glob::Pattern>>, deny: Option<Vec<glob::Pattern>>) -> Self {
        let read = |globs: Vec<glob::Pattern>| globs.into_iter().map(Glob::new).collect();
        Self { allow: allow.map(read), deny: deny.map(read) }
    }

    /// Whether it admits this name.
    #[must_use]
    pub fn admits(&self, name: &str) -> bool {
        self.allows(name) && !self.denies(name)
    }

    /// Whether it admits this URI, or template of one. A URI can say the same in several ways: so globs have to admit it
    /// as it is written and without percent-encoding (RFC 3986, section 2.1), and if there are globs at all, it may have
    /// no segments `.` and `..`, which would lead elsewhere.
    #[must_use]
    pub fn admits_uri(&self, uri: &str) -> bool {
        if self.allow.is_none() && self.deny.is_none() {
            return true;
        }
        let Some(plain) = decoded(uri) else { return false };
        let dots = |segment: &str| matches!(segment, "." | "..");
        let leads_elsewhere = plain.split(['/', '\\', '?', '#']).any(dots);
        !leads_elsewhere && self.admits(uri) && (plain == uri || self.admits(&plain))
    }

    fn allows(&self, name: &str) -> bool {
        self.allow.as_ref().is_none_or(|globs| matches(globs, name))
    }

    fn denies(&self, name: &str) -> bool {
        self.deny.as_ref().is_some_and(|globs| matches(globs, name))
    }
}

fn matches(globs: &[Glob], name: &str) -> bool {
    globs.iter().any(|glob| glob.matches(name))
}

/// A URI without percent-encoding; `None` if it is no text then, or is encoded over and over.
fn decoded(uri: &str) -> Option<String> {
    let mut plain = uri.to_owned();
    for _ in 0..DECODED {
        let once = decoded_once(&plain)?;
        if once == plain {
            return Some(plain);
        }
        plain = once;
    }
    None
}

fn decoded_once(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<2>().filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(allow: Option<&[&str]>, deny: Option<&[&str]>) -> Globs {
        let read =
            |globs: &[&str]| globs.iter().map(|it| glob::Pattern::new(it).unwrap()).collect();
        Globs::new(allow.map(read), deny.map(read))
    }

    #[test]
    fn a_uri_does_not_get_around_its_globs() {
        let docs = globs(Some(&["file:///docs/*"]), Some(&["*secret*"]));
        for uri in
            ["file:///docs/a", "file:///docs/a/b.c..d", "file:///docs/{name}", "file:///docs/100%"]
        {
            assert!(docs.admits_uri(uri), "{uri}");
        }
        for uri in [
            "file:///etc/passwd",
            "file:///docs/../etc/passwd",
            "file:///docs/..",
            "file:///docs/./a",
            "file:///docs/%2e%2e/etc/passwd",
            "file:///docs/%2E./etc/passwd",
            "file:///docs/..%2fetc/passwd",
            "file:///docs/..\\etc",
            "file:///docs/%252e%252e/etc/passwd",
            "file:///docs/%25252525252e",
            "file:///docs/..?x",
            "file:///docs/s%65cret",
            "file:///docs/secret",
            "file:///docs/%ff",
            "file:%2f//docs/a/../../etc",
        ] {
            assert!(!docs.admits_uri(uri), "{uri}");
        }
    }

    #[test]
    fn without_globs_every_uri_is_admitted() {
        assert!(Globs::ALL.admits_uri("file:///docs/../x%ff"));
        assert!(!globs(None, Some(&["*"])).admits_uri("x"));
        assert!(globs(None, Some(&[])).admits_uri("x"));
        assert!(!globs(Some(&[]), None).admits_uri("x"));
    }

    #[test]
    fn simple_globs_match_as_all_do() {
        let names = ["", "a", "ab", "aab", "ba", "bab", "*", "a*", "é", "aé", "a]", "a/b"];
        for glob in [
            "", "*", "a", "a*", "*a", "*b", "ab*", "*ab", "a*b", "?", "a?", "[ab]", "*[b]", "é*",
            "a]",
        ] {
            let pattern = glob::Pattern::new(glob).unwrap();
            for name in names {
                let matches = pattern.matches_with(name, MATCHING);
                assert_eq!(Glob::new(pattern.clone()).matches(name), matches, "{glob} {name}");
            }
        }
    }

    #[test]
    fn decoding_takes_linear_time_and_ends() {
        let long = "%25".repeat(1 << 16);
        assert_eq!(decoded(&long), Some("%".repeat(1 << 16)));
        assert_eq!(decoded("%2525252565"), None);
        assert_eq!(decoded("%4"), Some("%4".to_owned()));
        assert_eq!(decoded("%é"), Some("%é".to_owned()));
        assert_eq!(decoded("%+1"), Some("%+1".to_owned()));
    }
}
