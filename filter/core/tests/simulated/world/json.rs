//! JSON that a careless reader would not hand back as it came.

use super::Chance;

const NUMBERS: [&str; 12] = [
    "0",
    "-0",
    "1.0",
    "1e2",
    "1E+2",
    "0.10",
    "-1e-7",
    "12345678901234567890123",
    "9007199254740993",
    "1e400",
    "3.141592653589793238462643",
    "100000000000000000000.5",
];

const LETTERS: [&str; 16] = [
    "a",
    "b",
    "name",
    "_",
    " ",
    "é",
    "日",
    "🦀",
    r"\u0061",
    r"\u00e9",
    r"\ud83e\udd80",
    r"\/",
    r#"\""#,
    r"\\",
    r"\n",
    r"\u0000",
];

/// Whitespace between tokens; no CR, which an event stream cannot carry.
pub(crate) fn space(chance: &mut Chance) -> &'static str {
    chance.pick(&["", "", "", "", " ", "\n", "\t", "  \n "])
}

/// The JSON text of a string, some of it escaped without need.
pub(crate) fn any_string(chance: &mut Chance) -> String {
    let letters: String = (0..chance.below(5)).map(|_| chance.pick(&LETTERS)).collect();
    format!("\"{letters}\"")
}

/// The JSON text of any value.
pub(crate) fn any_value(chance: &mut Chance, depth: usize) -> String {
    match chance.below(if depth == 0 { 6 } else { 9 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 | 3 => chance.pick(&NUMBERS).to_owned(),
        4 | 5 => any_string(chance),
        6 => {
            let values: Vec<String> = (0..chance.below(4))
                .map(|_| format!("{}{}", space(chance), any_value(chance, depth - 1)))
                .collect();
            format!("[{}{}]", values.join(","), space(chance))
        }
        _ => {
            let keys = [r#""name""#, r#""type""#, r#""\u006eame""#, r#""""#];
            let keys = &keys[chance.below(4)..];
            let members: Vec<(String, String)> =
                keys.iter().map(|key| ((*key).to_owned(), any_value(chance, depth - 1))).collect();
            any_object(chance, &members)
        }
    }
}

/// The JSON text of an object with these raw keys and values in their order.
pub(crate) fn any_object(chance: &mut Chance, members: &[(String, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(key, value)| {
            let (a, b, c) = (space(chance), space(chance), space(chance));
            format!("{a}{key}{b}:{c}{value}")
        })
        .collect();
    format!("{{{}{}}}", members.join(","), space(chance))
}
