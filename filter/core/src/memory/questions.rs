//! What servers have asked clients and is not answered yet. The answer comes with another request of the client, on
//! whichever worker: it is left in the inbox of the exchange that waits for it, which is woken up.
//!
//! Bounded in number. A question is forgotten when it is answered, or with the exchange that waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crate::guarded::Guarded;
use crate::seal::ScopeTag;

/// How many questions may be open at a time.
const OPEN: usize = 4096;

/// What begins the id of a question; no id that is marked with its owner begins so, since it has two colons.
const PREFIX: &str = "mcp-mux-";

/// What nobody can guess of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QuestionId(pub(crate) [u8; 16]);

impl QuestionId {
    /// The text of the JSON-RPC id under which a client is asked.
    pub(crate) fn text(self) -> String {
        format!("{PREFIX}{:032x}", u128::from_be_bytes(self.0))
    }

    /// Reads such a text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let id = Self(u128::from_str_radix(digits, 16).ok()?.to_be_bytes());
        (id.text() == text).then_some(id)
    }
}

/// What a client has answered: a raw result, or why it gives none.
pub(crate) type Answered = Result<String, String>;

/// Where the answers to the questions of one exchange come, from any thread, and the word that its client wants no
/// answer to its own request any more.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Guarded<Mail>>);

#[derive(Debug, Default)]
struct Mail {
    /// What has come: to the how manieth question.
    answers: Vec<(usize, Answered)>,
    is_cancelled: bool,
    waker: Option<Waker>,
    /// Whether it was rung before anybody could be woken up.
    is_rung: bool,
}

/// An inbox whose exchange may be over.
#[derive(Clone, Debug)]
pub(crate) struct Bell(Weak<Guarded<Mail>>);

impl Bell {
    /// Whether its exchange is over.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Wakes its exchange up, though no answer has come.
    pub(crate) fn ring(&self) {
        let Some(mail) = self.0.upgrade() else { return };
        let waker = mail.with(|mail| {
            mail.is_rung = mail.waker.is_none();
            mail.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Inbox {
    /// Wakes its exchange up for each answer, and whenever it is rung; at once if that was before.
    pub fn wake_with(&self, waker: &Waker) {
        let has_come = self.0.with(|mail| {
            mail.waker = Some(waker.clone());
            std::mem::take(&mut mail.is_rung) || !mail.answers.is_empty() || mail.is_cancelled
        });
        if has_come {
            waker.wake_by_ref();
        }
    }

    /// The client has cancelled the request of the exchange.
    pub(crate) fn cancel(&self) {
        let waker = self.0.with(|mail| {
            mail.is_cancelled = true;
            mail.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it has.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.with(|mail| mail.is_cancelled)
    }

    /// What wakes its exchange up, and does not keep it.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::downgrade(&self.0))
    }

    /// What has come since this was asked last.
    pub(crate) fn take(&self) -> Vec<(usize, Answered)> {
        self.0.with(|mail| std::mem::take(&mut mail.answers))
    }
}

impl PartialEq for Inbox {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Inbox {}

/// All questions that are open.
#[derive(Debug, Default)]
pub(crate) struct Questions(Guarded<BTreeMap<QuestionId, Open>>);

#[derive(Debug)]
struct Open {
    /// Whom it was asked.
    scope: ScopeTag,
    inbox: Weak<Guarded<Mail>>,
    at: usize,
}

impl Questions {
    /// Opens a question to a session; it is the how manieth (`at`) of those of an inbox. `false` if there are too many.
    pub(crate) fn open(&self, id: QuestionId, scope: ScopeTag, inbox: &Inbox, at: usize) -> bool {
        let open = Open { scope, inbox: Arc::downgrade(&inbox.0), at };
        self.0.with(|all| {
            if all.len() >= OPEN {
                all.retain(|_, it| it.inbox.strong_count() > 0);
            }
            let has_room = all.len() < OPEN;
            if has_room {
                all.insert(id, open);
            }
            has_room
        })
    }

    /// Hands an answer of this session over, if it was asked.
    pub(crate) fn answer(&self, id: QuestionId, scope: ScopeTag, answered: Answered) -> bool {
        let open = self.0.with(|all| {
            let is_its_own = all.get(&id).is_some_and(|it| it.scope == scope);
            if is_its_own { all.remove(&id) } else { None }
        });
        let Some(Open { inbox, at, .. }) = open else { return false };
        let Some(inbox) = inbox.upgrade() else { return false };
        let waker = inbox.with(|mail| {
            mail.answers.push((at, answered));
            mail.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Forgets questions that nobody waits for any more.
    pub(crate) fn forget(&self, ids: impl IntoIterator<Item = QuestionId>) {
        self.0.with(|all| {
            for id in ids {
                all.remove(&id);
            }
        });
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.0.with(|all| all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_no_other_way() {
        for id in [[0; 16], [0xab; 16], [255; 16]].map(QuestionId) {
            let text = id.text();
            assert_eq!(QuestionId::read(&text), Some(id), "{text}");
            for other in [text.to_uppercase(), format!("{text}0"), text.replace('-', ":")] {
                assert_eq!(QuestionId::read(&other), None, "{other}");
            }
        }
        for other in ["", "mcp-mux-", "mcp-mux-+0", "mcp-mux-00"] {
            assert_eq!(QuestionId::read(other), None, "{other}");
        }
    }

    #[test]
    fn an_answer_reaches_the_one_who_asked_this_session_and_once() {
        let questions = Questions::default();
        let inbox = Inbox::default();
        let (id, scope, other) = (QuestionId([1; 16]), ScopeTag([1; 16]), ScopeTag([2; 16]));
        let yes = || Ok("1".to_owned());
        assert!(questions.open(id, scope, &inbox, 3));
        assert!(!questions.answer(id, other, yes()) && inbox.take().is_empty());
        assert!(questions.answer(id, scope, yes()) && !questions.answer(id, scope, yes()));
        assert_eq!(inbox.take(), [(3, yes())]);
        assert_eq!((questions.count(), inbox.take()), (0, Vec::new()));
    }

    #[test]
    fn there_are_never_too_many_and_those_of_nobody_make_room() {
        let questions = Questions::default();
        let scope = ScopeTag([1; 16]);
        let id = |at: usize| QuestionId((at as u128).to_be_bytes());
        let (kept, gone) = (Inbox::default(), Inbox::default());
        assert!((0..OPEN).all(|at| {
            let inbox = if at < 10 { &gone } else { &kept };
            questions.open(id(at), scope, inbox, at)
        }));
        assert!(!questions.open(id(OPEN), scope, &kept, 0));
        drop(gone);
        assert!(questions.open(id(OPEN), scope, &kept, 0));
        assert_eq!(questions.count(), OPEN - 9);
        assert!(!questions.answer(id(3), scope, Ok(String::new())));
        questions.forget((10..=OPEN).map(id));
        assert_eq!(questions.count(), 0);
    }
}
