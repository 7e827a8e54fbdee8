//! One request and its answer, followed on their whole way, byte by byte.

use crate::client::Reply;
use crate::script::Answer;
use crate::{Client, Upstream};

/// A request and its answer, as each side writes or gets them.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'x> {
    /// The method.
    pub method: &'x str,
    /// What the client sends.
    pub sent: &'x str,
    /// What the upstream gets.
    pub seen: &'x str,
    /// What the upstream answers.
    pub answer: &'x str,
    /// What the client gets.
    pub got: &'x str,
}

impl Exchange<'_> {
    /// Makes it, with the answer in each form that there is, and holds every text against the one that
    /// is on the wire.
    pub async fn check(self, client: &Client<'_>, upstream: &Upstream) {
        for answer in Answer::forms(self.answer, 7) {
            let what = format!("{answer:.300?}");
            upstream.forget();
            upstream.answer(self.method, move |_| answer.clone());
            let reply = client.post(self.sent.to_owned()).send().await;
            assert_eq!(upstream.only(self.method).text(), self.seen, "{what}");
            assert_eq!((reply.status, reply.raw().as_str()), (200, self.got), "{what}");
            whole(&reply);
        }
    }
}

/// Checks that an answer ends where its framing says.
pub fn whole(reply: &Reply) {
    assert!(reply.complete, "{reply:?}");
    if let Some(length) = reply.header("content-length") {
        assert_eq!(length, reply.body.len().to_string(), "{reply:?}");
    }
}
