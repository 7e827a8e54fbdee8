//! Makes an item right where that is certain: a member that may be missing and is null is cut out, and
//! a property of a schema that is true or false is written as the object that means the same.

use super::schema::{Is, Member, Need};
use crate::json::{Edits, Members, Raw, range_in};

/// Adds what has to change; the member `spared` of the item itself is another's to change.
pub(super) fn mend(item: Raw<'_>, members: &'static [Member], spared: &str, edits: &mut Edits<'_>) {
    object(item, members, spared, edits);
}

fn object(object: Raw<'_>, members: &'static [Member], spared: &str, edits: &mut Edits<'_>) {
    let Some(values) = Members::read(object) else { return };
    let mut all = Vec::new();
    for (key, value) in values.iter() {
        let member = members.iter().find(|member| member.key == key && key != spared);
        let cut = member.is_some_and(|it| it.need == Need::Optional && value.get() == "null");
        if let Some(member) = member.filter(|_| !cut) {
            within(value, &member.is, edits);
        }
        all.push((value, cut));
    }
    cut(object, &all, edits);
}

fn within(value: Raw<'_>, is: &'static Is, edits: &mut Edits<'_>) {
    match is {
        Is::Object(members) => object(value, members, "", edits),
        Is::List(of) => {
            let mut elements = Vec::new();
            // It was read before, so it can be read.
            let _ = value.scan().elements(|scan| scan.value().map(|it| elements.push(it)));
            for element in elements {
                within(element, of, edits);
            }
        }
        Is::Properties => {
            for (_, schema) in Members::read(value).unwrap_or_default().iter() {
                match schema.get() {
                    "true" => edits.replace(schema.get(), "{}"),
                    "false" => edits.replace(schema.get(), r#"{"not":{}}"#),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Cuts members out of an object, each with one of the commas beside it.
fn cut(object: Raw<'_>, values: &[(Raw<'_>, bool)], edits: &mut Edits<'_>) {
    let text = object.get();
    // Where each member begins, which is at the first quote behind the last one, and where it ends.
    let mut places = Vec::new();
    let mut end = 1;
    for (value, is_cut) in values {
        let Some(at) = range_in(text.as_bytes(), value.get()) else { return };
        let quote = text.get(end..at.start).and_then(|before| before.find('"'));
        places.push((end + quote.unwrap_or_default(), at.end, *is_cut));
        end = at.end;
    }
    let mut last_kept = None;
    let mut from = None;
    for (start, end, is_cut) in &places {
        if *is_cut {
            from = from.or(Some(*start));
            continue;
        }
        if let Some(from) = from.take() {
            // Up to what follows, so with the comma behind.
            edits.replace(text.get(from..*start).unwrap_or_default(), "");
        }
        last_kept = Some(*end);
    }
    if let Some((from, (_, end, _))) = from.zip(places.last()) {
        // There is nothing behind: with the comma before.
        edits.replace(text.get(last_kept.unwrap_or(from)..*end).unwrap_or_default(), "");
    }
}
