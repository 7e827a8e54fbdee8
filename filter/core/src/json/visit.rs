//! Reports what a table asks for of a text that is there as a whole.

use super::interest::KEY_LIMIT;
use super::{Container, Interest, Leaf, Read, Scan, Visit, decode_key};

impl Scan<'_> {
    /// Passes over one value and reports what `interest` asks for, as [`Stream`](super::Stream) does of
    /// one that arrives in chunks; offsets are those in the scanned text. It goes as deep as the table.
    ///
    /// # Errors
    ///
    /// [`Malformed`](super::Malformed); what was reported before stands.
    pub fn visit<T: Copy>(
        &mut self,
        interest: &'static Interest<T>,
        visit: &mut impl Visit<T>,
    ) -> Read<()> {
        match self.peek() {
            Some(b'{') if interest.whole.is_some() => self.report(interest.whole, visit),
            Some(b'{') if interest.sees(Container::Object) => self.visit_object(interest, visit),
            Some(b'[') => match interest.elements {
                Some(element) => self.list(|scan| scan.visit(element, visit)),
                None => self.skip(),
            },
            Some(b'{') | None => self.skip(),
            Some(_) => self.report(interest.leaf, visit),
        }
    }

    /// Reports a value as a leaf, if it has a name.
    fn report<T: Copy>(&mut self, tag: Option<T>, visit: &mut impl Visit<T>) -> Read<()> {
        let Some(tag) = tag else { return self.skip() };
        let at = self.at() as u64;
        let raw = self.value()?;
        visit.leaf(Leaf { tag, raw: raw.get(), at });
        Ok(())
    }

    fn visit_object<T: Copy>(
        &mut self,
        interest: &'static Interest<T>,
        visit: &mut impl Visit<T>,
    ) -> Read<()> {
        self.expect(b'{')?;
        if let Some(tag) = interest.object {
            visit.begin(tag);
        }
        let mut more = !self.closes(b'}');
        while more {
            let (quoted, escaped) = self.quoted_key()?;
            let key = decode_key(quoted, escaped)?;
            let key = (quoted.len() <= KEY_LIMIT).then_some(&*key);
            if let Some(tag) = interest.object {
                visit.key(tag, key);
            }
            match key.and_then(|key| interest.member(key)) {
                Some(member) => self.visit(member, visit)?,
                None => self.skip()?,
            }
            more = !self.ends(b'}')?;
        }
        if let Some(tag) = interest.object {
            visit.end(tag, self.at() as u64);
        }
        Ok(())
    }
}
