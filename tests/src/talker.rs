//! What a scripted upstream says on its own, whenever the test wants it to.

use std::fmt::Write as _;

use tokio::sync::watch;

use crate::script::{Answer, Step};
use crate::seen::Seen;

/// About how many bytes of it go out at once.
const CHUNK: usize = 32 * 1024;

/// The mouth of an upstream. Whoever listens gets what is said from then on; whoever comes back with
/// `Last-Event-ID` gets the rest. Ids count from 1.
#[derive(Debug, Clone)]
pub struct Talker(watch::Sender<Said>);

/// All that it has said, and after how many messages all streams were ended, whether by an RST.
#[derive(Debug, Clone, Default)]
struct Said {
    messages: Vec<String>,
    ends: Vec<(usize, bool)>,
}

/// A stream that begins: from which message on, and which end is its own.
#[derive(Debug, Clone)]
pub struct Stream {
    talker: Talker,
    from: usize,
    end: usize,
    has_ids: bool,
}

impl Default for Talker {
    fn default() -> Self {
        Self(watch::Sender::new(Said::default()))
    }
}

impl Talker {
    /// Says a message to all who listen.
    pub fn say(&self, message: impl Into<String>) {
        self.0.send_modify(|said| said.messages.push(message.into()));
    }

    /// How much it has said.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.borrow().messages.len()
    }

    /// Ends all streams, properly or by an RST.
    pub fn close(&self, reset: bool) {
        self.0.send_modify(|said| said.ends.push((said.messages.len(), reset)));
    }

    /// The answer to a GET: a stream with ids.
    #[must_use]
    pub fn stream(&self, seen: &Seen) -> Answer {
        let last = seen.header("last-event-id").and_then(|id| id.parse().ok());
        self.begin(last, true, None)
    }

    /// The answer to a `subscriptions/listen`: an acknowledgement, then what is said.
    #[must_use]
    pub fn listen(&self, seen: &Seen) -> Answer {
        let (params, id) = (seen.params(), seen.id());
        let asked = &params["notifications"];
        let tag = format!(r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
        let method = "notifications/subscriptions/acknowledged";
        let first = format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"notifications":{asked},{tag}}}}}"#
        );
        self.begin(None, false, Some(&first))
    }

    fn begin(&self, last: Option<usize>, has_ids: bool, first: Option<&str>) -> Answer {
        let (from, end) = {
            let said = self.0.borrow();
            (last.unwrap_or(said.messages.len()), said.ends.len())
        };
        let first = first.map_or(": hi\n\n".to_owned(), |first| format!("data: {first}\n\n"));
        let stream = Stream { talker: self.clone(), from, end, has_ids };
        Answer::sse_steps(vec![Step::send(first), Step::Talk(stream)])
    }
}

impl Stream {
    /// The next events; `Err` when the stream ends, with whether that is by an RST.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, bool> {
        let mut heard = self.talker.0.subscribe();
        let is_news = |said: &Said| said.messages.len() > self.from || said.ends.len() > self.end;
        let said = heard.wait_for(is_news).await.expect("the talker holds its own sender");
        let end = said.ends.get(self.end);
        let until = end.map_or(said.messages.len(), |(at, _)| *at);
        if let Some((_, reset)) = end.filter(|_| until <= self.from) {
            return Err(*reset);
        }
        let mut text = String::new();
        for message in said.messages.iter().take(until).skip(self.from) {
            if text.len() > CHUNK {
                break;
            }
            self.from += 1;
            if self.has_ids {
                let _ = writeln!(text, "id: {}", self.from);
            }
            let _ = write!(text, "data: {message}\n\n");
        }
        Ok(text.into_bytes())
    }
}
