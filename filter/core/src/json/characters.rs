//! UTF-8 in chunks.

/// Checks that chunks, one behind the other, are UTF-8.
#[derive(Debug, Default)]
pub(super) struct Characters {
    /// The begin of a character that the last chunk broke off in.
    broken: Vec<u8>,
}

impl Characters {
    /// How many bytes the next chunk begins with that are UTF-8, or may be with what follows.
    pub(super) fn valid(&mut self, chunk: &[u8]) -> usize {
        let mut at = 0;
        loop {
            if self.broken.is_empty() {
                match std::str::from_utf8(chunk.get(at..).unwrap_or_default()) {
                    Ok(_) => return chunk.len(),
                    Err(error) => at += error.valid_up_to(),
                }
            }
            let Some(byte) = chunk.get(at) else { return at };
            self.broken.push(*byte);
            match std::str::from_utf8(&self.broken) {
                Ok(_) => self.broken.clear(),
                Err(error) if error.error_len().is_some() => return at,
                Err(_) => {}
            }
            at += 1;
        }
    }

    /// How many bytes of memory it takes.
    pub(super) fn held(&self) -> usize {
        self.broken.capacity()
    }
}
