//! Mends an item where it is certain what is meant: a member that may be missing and is null is cut out, and
//! a property of a schema that is true or false is written as the object that means the same.

use super::schema::{Is, Member, Need};
use crate::json::{Edits, Members, Raw};

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
    edits.cut(object, &all);
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
