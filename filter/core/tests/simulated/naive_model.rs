//! What a gateway shows of its upstreams, and whom a client reaches by what it was shown: the naive
//! way, by texts, for upstreams with odd prefixes and things with odd names.

use serde_json::{Value, json};

use crate::world::{Chance, Kind, RESOURCES, TASKS, TEMPLATES, any_string};

/// An upstream: its name, and its prefix.
pub(crate) type Up = (&'static str, &'static str);

/// Prefixes that are easily taken for one another, or for something else; the last is none.
const UPS: [Up; 9] = [
    ("a", "a"),
    ("ab", "ab"),
    ("a-b", "a-b"),
    ("dots", "a.b-c"),
    ("nine", "9z"),
    ("case", "My_B"),
    ("ui", "ui"),
    ("long", "Looooooooooooooooooooooooooooooooooooooooooooooooooooooooooong-1"),
    ("bare", ""),
];

/// Beginnings of URIs that may be taken for a prefix, or for a scheme that is known.
const SCHEMES: [&str; 24] = [
    "demo://",
    "file:///",
    "demo:\\/\\/",
    "ui://",
    "UI://",
    "Ui:\\/\\/",
    "u\\u0069://",
    "ui:",
    "ui:/",
    "a+demo://",
    "A+x:",
    "\\u0061+x:",
    "my-b+",
    "my_b+",
    "x-9z+x:",
    "ui+x:",
    "ui://a/",
    "ui://My-B/",
    "ui://ui/",
    "",
    "+",
    ":",
    "https://a/",
    "{s}://",
];

const PARTS: [&str; 8] = ["x", "a/", "{id}", "{+path}", "{?q*}", "#f?", "é", "a:"];

/// The raw JSON string of anything that names a thing of this kind.
pub(crate) fn any_key(chance: &mut Chance, kind: Kind) -> String {
    if kind == RESOURCES || kind == TEMPLATES {
        return any_uri(chance);
    }
    let head = chance.pick(&["", "", "a__", "\\u0061__", "ab__x", "bare:", "a:", ":", "My_B__"]);
    format!("\"{head}{}", &any_string(chance)[1..])
}

pub(crate) fn any_uri(chance: &mut Chance) -> String {
    let parts: String = (0..chance.below(3)).map(|_| chance.pick(&PARTS)).collect();
    let tail = if chance.one_in(3) { any_string(chance) } else { "\"\"".to_owned() };
    format!("\"{}{parts}{}", chance.pick(&SCHEMES), &tail[1..])
}

/// The text of a raw JSON string; a lone surrogate is none.
pub(crate) fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// The upstreams of a gateway.
pub(crate) struct Plan(pub(crate) Vec<Up>);

impl Plan {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let mut ups = UPS.to_vec();
        let count = 1 + chance.below(4);
        let mut picked: Vec<Up> =
            (0..count).map(|_| ups.swap_remove(chance.below(ups.len()))).collect();
        if chance.one_in(2) && !picked.iter().any(|(name, _)| *name == "bare") {
            picked.insert(chance.below(picked.len() + 1), ("bare", ""));
        }
        Self(picked)
    }

    pub(crate) fn config(&self) -> Value {
        let ups = self.0.iter();
        let ups: Vec<Value> =
            ups.map(|(name, prefix)| json!({"name": name, "prefix": prefix})).collect();
        json!({ "upstreams": ups })
    }

    /// How clients see what the upstream at this place names like this; `None` where they cannot.
    pub(crate) fn shown(&self, at: usize, kind: Kind, raw: &str) -> Option<String> {
        let (name, prefix) = self.0[at];
        let own = text(raw)?;
        if kind == TASKS {
            return Some(format!("\"{name}:{}", &raw[1..]));
        }
        if kind == RESOURCES || kind == TEMPLATES {
            let reached =
                !prefix.is_empty() || self.owner_of_uri(&own).is_some_and(|it| it.0 == at);
            return reached.then(|| self.shown_uri(at, raw));
        }
        let reached = !prefix.is_empty() || self.owner_of_name(&own).is_some_and(|it| it.0 == at);
        let joined = if prefix.is_empty() { String::new() } else { format!("{prefix}__") };
        reached.then(|| format!("\"{joined}{}", &raw[1..]))
    }

    /// How clients see a URI of the upstream at this place, whether or not they reach it.
    pub(crate) fn shown_uri(&self, at: usize, raw: &str) -> String {
        let Some(own) = text(raw).filter(|_| !self.0[at].1.is_empty()) else {
            return raw.to_owned();
        };
        let host = host(self.0[at]);
        let ui = |text: &str| text.get(..5).is_some_and(|it| it.eq_ignore_ascii_case("ui://"));
        if ui(&raw[1..]) {
            format!("\"{}{host}/{}", &raw[1..6], &raw[6..])
        } else if ui(&own) {
            json!(format!("{}{host}/{}", &own[..5], &own[5..])).to_string()
        } else {
            format!("\"{host}+{}", &raw[1..])
        }
    }

    /// Whom a client reaches by this text, and by what name.
    pub(crate) fn owner(&self, kind: Kind, shown: &str) -> Option<(usize, String)> {
        if kind == TASKS {
            let (name, own) = shown.split_once(':')?;
            return Some((self.0.iter().position(|up| up.0 == name)?, own.to_owned()));
        }
        let uri = kind == RESOURCES || kind == TEMPLATES;
        if uri { self.owner_of_uri(shown) } else { self.owner_of_name(shown) }
    }

    fn owner_of_name(&self, shown: &str) -> Option<(usize, String)> {
        self.first(shown, |(_, prefix)| {
            shown.strip_prefix(&format!("{prefix}__")).map(str::to_owned)
        })
    }

    fn owner_of_uri(&self, shown: &str) -> Option<(usize, String)> {
        let after = |head: &str| {
            let fits = shown.get(..head.len()).is_some_and(|it| it.eq_ignore_ascii_case(head));
            fits.then(|| shown[head.len()..].to_owned())
        };
        self.first(shown, |up| {
            let ui = || {
                let own = after(&format!("ui://{}/", host(up)))?;
                Some(format!("{}{own}", &shown[..5]))
            };
            after(&format!("{}+", host(up))).or_else(ui)
        })
    }

    /// The upstream whose prefix is there, or else the one without.
    fn first(&self, shown: &str, own: impl Fn(Up) -> Option<String>) -> Option<(usize, String)> {
        let prefixed = |(at, up): (usize, &Up)| {
            let own = (!up.1.is_empty()).then(|| own(*up))??;
            Some((at, own))
        };
        let bare = || Some((self.0.iter().position(|up| up.1.is_empty())?, shown.to_owned()));
        self.0.iter().enumerate().find_map(prefixed).or_else(bare)
    }
}

/// What stands for an upstream in URIs.
fn host((_, prefix): Up) -> String {
    let host = prefix.to_lowercase().replace('_', "-");
    if host.starts_with(|it: char| it.is_ascii_digit()) { format!("x-{host}") } else { host }
}
