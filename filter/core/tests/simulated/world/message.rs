//! A message on its way through the filter, as Envoy holds it.

use super::http::{Head, value};

/// A message on its way through the filter.
#[derive(Default)]
pub(super) struct Message {
    pub(super) head: Head,
    /// The head has left and cannot change any more.
    pub(super) gone: bool,
    /// What has left of the body.
    pub(super) body: Vec<u8>,
    /// What an effect put in place of the bytes held.
    pub(super) replaced: Option<Vec<u8>>,
    pub(super) tail: Vec<u8>,
}

impl Message {
    /// Lets `chunk` go, or what took its place.
    pub(super) fn pass(&mut self, chunk: &[u8]) {
        self.gone = true;
        match self.replaced.take() {
            Some(bytes) => self.body.extend(bytes),
            None => self.body.extend_from_slice(chunk),
        }
        self.body.append(&mut self.tail);
    }

    pub(super) fn check_length(&self) {
        if let Some(length) = value(&self.head, "content-length") {
            assert_eq!(String::from_utf8_lossy(length), self.body.len().to_string(), "length");
        }
    }
}
