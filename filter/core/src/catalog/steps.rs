//! Reads the items of a very long answer in steps, so that nobody waits for all of them at once.
//!
//! The items are read first, some in each step. The rest of the answer is read as one without any, behind that: so
//! whether it is an answer, and what else it says, is found as for any other. An answer in which something is odd, before
//! its items or in them, is not read in steps: then all of it is read at once, and it shows what is wrong.

use super::{Page, Reading, item};
use crate::http::MediaType;
use crate::json::{Read, Scan};
use crate::sse::line::data_line;

/// How many bytes are read in a step.
const STEP: usize = 1 << 20;

/// An answer whose items are being read.
#[derive(Debug)]
pub(crate) struct Steps {
    text: String,
    /// Where its list begins, and how far that was read.
    begin: usize,
    at: usize,
    page: Page,
}

/// What comes of a step.
#[derive(Debug)]
pub(crate) enum Stepped {
    /// There are more items.
    More(Box<Steps>),
    /// All items, and the answer without them.
    All(Box<Page>, Vec<u8>),
    /// The answer, of which nothing was read.
    Whole(Vec<u8>),
}

impl Steps {
    /// The answer `body`, if it is long enough, and its items are where they are looked for; or the answer again.
    pub(crate) fn of(body: Vec<u8>, kind: MediaType, member: &str) -> Result<Box<Self>, Vec<u8>> {
        Self::longer_than(2 * STEP, body, kind, member)
    }

    fn longer_than(
        least: usize,
        body: Vec<u8>,
        kind: MediaType,
        member: &str,
    ) -> Result<Box<Self>, Vec<u8>> {
        if body.len() <= least {
            return Err(body);
        }
        let text = String::from_utf8(body).map_err(std::string::FromUtf8Error::into_bytes)?;
        match list_in(&text, kind, member) {
            Some(begin) => {
                let mut page = Page { pages: 1, ..Page::default() };
                page.items.reserve(text.len() + text.len() / 32);
                Ok(Box::new(Self { text, begin, at: begin, page }))
            }
            None => Err(text.into_bytes()),
        }
    }

    /// Reads on.
    pub(crate) fn step(self: Box<Self>, reading: Reading<'_>) -> Stepped {
        self.step_of(STEP, reading)
    }

    fn step_of(mut self: Box<Self>, most: usize, reading: Reading<'_>) -> Stepped {
        let page = &mut self.page;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut scan = Scan::new(rest);
        let read = |scan: &mut Scan<'_>| item::read(page, reading, scan);
        let first = self.at == self.begin;
        let ended = scan.some_elements(first, most, read);
        self.at += rest.len() - scan.left();
        match ended {
            Ok(false) => Stepped::More(self),
            Ok(true) => {
                let ends = [self.text.get(..self.begin), Some("[]"), self.text.get(self.at..)];
                let left = ends.map(Option::unwrap_or_default).concat();
                Stepped::All(Box::new(self.page), left.into_bytes())
            }
            Err(_) => Stepped::Whole(self.text.into_bytes()),
        }
    }

    /// The answer, to be read at once.
    pub(crate) fn into_answer(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// How many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        self.text.capacity() + self.page.size()
    }
}

/// Where in an answer its list begins: the member of its result, and of the only line of data in an event stream.
fn list_in(text: &str, kind: MediaType, member: &str) -> Option<usize> {
    let message = match kind {
        MediaType::Json => text,
        MediaType::EventStream => std::str::from_utf8(data_line(text.as_bytes())?).ok()?,
        MediaType::Plain | MediaType::Other => return None,
    };
    let from = crate::json::range_in(text.as_bytes(), message)?.start;
    let mut found = None;
    let mut look = |scan: &mut Scan<'_>| -> Read<bool> {
        scan.members(|scan, key| {
            if key != "result" || found.is_some() {
                return scan.skip();
            }
            let within = scan.members(|scan, key| {
                if key != member {
                    return scan.skip();
                }
                if scan.peek() == Some(b'[') {
                    found = Some(message.len() - scan.left());
                }
                Err(crate::json::Malformed)
            });
            within.map(drop)
        })
    };
    // What ends it is that the list was found.
    let _ = look(&mut Scan::new(message));
    Some(from + found?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::era::Era;
    use crate::fixture;
    use crate::gateway::UpstreamId;
    use crate::gateway::rules::Rights;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::jsonrpc::Message;
    use crate::mcp::method::{Target, row_of};
    use crate::sse;

    /// What is found in an answer: how many items, these, and where the next ones are; `None` of what is no answer.
    type Found = Option<(usize, String, u64, Option<String>)>;

    /// Reads an answer, the first items of which may have been read.
    fn read(reading: Reading<'_>, data: &[u8], mut items: Option<Page>) -> Found {
        let mut found = None;
        let message = Message::read_with(data, |scan, key| match key {
            "result" => scan.look(|scan| {
                let page = items.take().unwrap_or_default().read_on(reading, scan)?;
                found = page.ok();
                Ok(())
            }),
            _ => scan.value(),
        });
        message.ok()?;
        let page = found?;
        let text = String::from_utf8(page.items.bytes().to_vec()).unwrap();
        Some((page.count(), text, page.dropped, page.next))
    }

    fn first_event(stream: &[u8]) -> Option<Vec<u8>> {
        let mut first = None;
        sse::Reader::new(usize::MAX).feed(stream, &mut |event| {
            first = first.take().or(Some(event.data.to_vec()));
        });
        first
    }

    #[test]
    fn it_is_as_if_it_was_read_at_once() {
        let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"}]}"#);
        let Some(Target::List(listing)) = row_of("tools/list").map(|row| row.target) else {
            panic!("a list")
        };
        let (upstream, rights) = (UpstreamId::at(0), Rights::default());
        let (capabilities, era) = (Capabilities::TOOLS, Era::Handshake);
        let reading = Reading { gateway: &gateway, upstream, listing, rights, capabilities, era };
        let mut chance = Chance::new(21);
        let (mut stepped, mut whole) = (0, 0);
        for _ in 0..2000 {
            let tool = |chance: &mut Chance| {
                let name = chance.below(30);
                match chance.below(4) {
                    0 => format!(r#"{{"name":"t{name}","inputSchema":{{"type":"object"}}}}"#),
                    1 => format!(r#" {{"inputSchema":{{"type" : "object"}},"name":"t{name}"}} "#),
                    2 => format!(r#"{{"name":{name}}}"#),
                    _ => "7".to_owned(),
                }
            };
            let tools: Vec<String> = (0..chance.below(40)).map(|_| tool(&mut chance)).collect();
            let odd = chance.pick(&["", "", "", "", ",", "{", "]", "]]", "\u{1}"]);
            let tools = format!("[{}{odd}]", tools.join(","));
            let member = chance.pick(&["tools", "tools", "tools", "tool"]);
            let (before, behind) = (
                chance.pick(&[
                    "",
                    r#""nextCursor":"x","#,
                    r#""tools":[],"#,
                    r#""_meta":{"tools":[1]},"#,
                ]),
                chance.pick(&["", r#","nextCursor":"x""#, r#","tools":[]"#, ",", r#","ttlMs":1"#]),
            );
            let result = format!(r#"{{{before}"{member}":{tools}{behind}}}"#);
            let (before, behind) = (
                chance.pick(&[r#""jsonrpc":"2.0","id":1,"#, r#""id":1,"#, r#""result":{},"#]),
                chance.pick(&["", r#","jsonrpc":"2.0""#, r#","id":2"#, " x"]),
            );
            let message = format!(r#"{{{before}"result":{result}{behind}}}"#);
            let is_stream = chance.below(2) == 0;
            let (body, kind) = if is_stream {
                let name = chance.pick(&["", "event: message\n", ": x\r\nid: 1\r\n"]);
                let end = chance.pick(&["\n\n", "\n", "", "\r\n\r\n", "\n\ndata: 1\n\n"]);
                (format!("{name}data: {message}{end}"), MediaType::EventStream)
            } else {
                (message, MediaType::Json)
            };
            let data = |body: &[u8]| match kind {
                MediaType::EventStream => first_event(body),
                _ => Some(body.to_vec()),
            };
            let wanted = data(body.as_bytes()).and_then(|data| read(reading, &data, None));
            let found = match Steps::longer_than(0, body.into_bytes(), kind, "tools") {
                Err(body) => {
                    whole += 1;
                    data(&body).and_then(|data| read(reading, &data, None))
                }
                Ok(mut steps) => loop {
                    match steps.step_of(chance.below(200), reading) {
                        Stepped::More(more) => steps = more,
                        Stepped::All(page, body) => {
                            stepped += 1;
                            break data(&body).and_then(|data| read(reading, &data, Some(*page)));
                        }
                        Stepped::Whole(body) => {
                            whole += 1;
                            break data(&body).and_then(|data| read(reading, &data, None));
                        }
                    }
                },
            };
            assert_eq!(found, wanted);
        }
        assert!(stepped > 500 && whole > 300, "{stepped} {whole}");
    }

    #[test]
    fn what_is_not_very_long_is_read_at_once() {
        let body = vec![b' '; 2 * STEP];
        assert_eq!(Steps::of(body.clone(), MediaType::Json, "tools").unwrap_err(), body);
    }
}
