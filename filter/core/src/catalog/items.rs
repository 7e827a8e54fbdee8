//! The items of one upstream's list as they go to the client, each once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::{Scan, decode};
use crate::mcp::name;

/// Items as bytes, separated by commas.
///
/// What a server lists twice is there once, as it was listed first: clients take a name for one thing.
/// Names are told apart by 64 bits of a hash, so that by bad luck, one in 10^13 for a thousand items, a
/// server's own item is taken for another of that server's.
#[derive(Debug, Default)]
pub(super) struct Items {
    bytes: Vec<u8>,
    /// Each item's key and where it ends.
    ends: Vec<(Key, usize)>,
    keys: BTreeSet<Key>,
}

/// Stands for what names an item.
type Key = u64;

fn key(name: &str) -> Key {
    name.bytes().fold(name::HASH_OF_NOTHING, name::hash_with)
}

impl Items {
    /// The bytes of all.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of all, which nobody else needs.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they take up.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.keys.len() * 4 * size_of::<Key>()
    }

    /// Makes room for so many bytes more.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Adds the item `name`, which `write` appends; whether there was none of that name.
    pub(super) fn push(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.add(key(name), write)
    }

    /// Takes note of an item that is kept elsewhere; whether there was none of that name.
    pub(super) fn note(&mut self, name: &str) -> bool {
        self.keys.insert(key(name))
    }

    /// Adds the items of a later page; how many of them were there already.
    pub(super) fn append(&mut self, later: &Self) -> usize {
        self.bytes.reserve(later.bytes.len() + 1);
        let mut known = 0;
        let mut from = 0;
        for (key, end) in &later.ends {
            let item = later.bytes.get(from..*end).unwrap_or_default();
            known += usize::from(!self.add(*key, |bytes| bytes.extend_from_slice(item)));
            // Behind the comma.
            from = end + 1;
        }
        known
    }

    /// The names for clients whose [hash](name::look) is among `hashes`; goes over all items.
    pub(super) fn names_folded_to(&self, hashes: &BTreeSet<u64>) -> Vec<String> {
        let mut names = Vec::new();
        let items = [b"[", self.bytes.as_slice(), b"]"].concat();
        let text = std::str::from_utf8(&items).unwrap_or_default();
        // Items were read before: they are JSON.
        let _ = Scan::whole(text, |scan| {
            scan.elements(|scan| {
                let name = scan.pick(["name"])?.and_then(|[name]| decode(name?.get()));
                let alike = |name: &Cow<'_, str>| hashes.contains(&name::look("", name).hash);
                names.extend(name.filter(alike).map(Cow::into_owned));
                Ok(())
            })
        });
        names
    }

    fn add(&mut self, key: Key, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_new = self.keys.insert(key);
        if is_new {
            if !self.bytes.is_empty() {
                self.bytes.push(b',');
            }
            write(&mut self.bytes);
            self.ends.push((key, self.bytes.len()));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(names: &[&str]) -> Items {
        let mut items = Items::default();
        for (at, name) in names.iter().enumerate() {
            items.push(name, |out| out.extend_from_slice(format!("{name}{at}").as_bytes()));
        }
        items
    }

    fn text(items: &Items) -> &str {
        std::str::from_utf8(items.bytes()).unwrap()
    }

    #[test]
    fn the_first_of_a_name_stays() {
        assert_eq!((text(&items(&[])), items(&[]).count()), ("", 0));
        let twice = items(&["a", "b", "a", "c", "b"]);
        assert_eq!((text(&twice), twice.count()), ("a0,b1,c3", 3));
    }

    #[test]
    fn of_a_later_page_only_what_is_new_is_added() {
        for (one, two, all, known) in [
            (&["a", "b"][..], &["c", "d"][..], "a0,b1,c0,d1", 0),
            (&["a", "b"], &["b", "c", "a"], "a0,b1,c1", 2),
            (&["a"], &["a"], "a0", 1),
            (&[], &["a", "a"], "a0", 0),
            (&["a"], &[], "a0", 0),
        ] {
            let mut items = items(one);
            assert_eq!(items.append(&self::items(two)), known);
            assert_eq!(text(&items), all);
            assert_eq!(items.count(), all.split(',').count());
        }
    }
}
