//! How a table is written and what is told by it.

use crate::json::{
    Interest, Leaf, Stream, Visit,
    stream::{Skipping, Status},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Envelope,
    Name,
}

const NAME: Interest<Tag> = Interest { leaf: Some(Tag::Name), ..Interest::NONE };
static TABLE: Interest<Tag> = Interest {
    object: Some(Tag::Envelope),
    members: &[("params", Interest { members: &[("name", NAME)], ..Interest::NONE })],
    ..Interest::NONE
};

#[derive(Default)]
struct Seen(Vec<String>);

impl Visit<Tag> for Seen {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) {
        self.0.push(leaf.raw.to_owned());
    }

    fn key(&mut self, _: Tag, key: Option<&str>) {
        self.0.extend(key.map(str::to_owned));
    }
}

#[test]
fn keys_and_leaves_of_the_table_are_told_in_order() {
    let mut stream = Stream::new(&TABLE, 1024, Skipping::Trusting);
    let mut seen = Seen::default();
    assert_eq!(stream.feed(br#"{"id":1,"params":{"na"#, &mut seen), Status::Open);
    assert_eq!(stream.feed(br#"me":"echo","arguments":{}}}"#, &mut seen), Status::Ended(48));
    assert_eq!(seen.0, ["id", "params", "\"echo\""]);
}
