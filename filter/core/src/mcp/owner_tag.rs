//! What an upstream names things by (ids and progress tokens of its own requests, tasks), marked with its
//! owner towards clients. The ids of its events are marked in [`crate::mcp::event_id`].
//!
//! Several upstreams use the same ids, and nothing is stored that could tell them apart. So the owner
//! travels with the value, and comes back with it. The mark is the upstream's configured name and a
//! colon, which no name contains. The original follows, perhaps behind a code, so that it is restored exactly.

use crate::gateway::{Gateway, UpstreamId};
use crate::json::{decode, encode};
use crate::seal::{KeyRing, ScopeTag};

/// Marks the ids and progress tokens of upstreams' own requests within one session.
///
/// They carry a code besides their owner: an upstream could otherwise send an id that looks like
/// another's, and have the client's answer delivered there.
#[derive(Clone, Copy, Debug)]
pub struct OwnerTags<'m> {
    /// Make the codes.
    pub keys: &'m KeyRing,
    /// The client's session.
    pub scope: ScopeTag,
}

impl OwnerTags<'_> {
    /// The JSON text of an id or a token, marked: a string that holds that text, so that `1` and `"1"`
    /// come back as what they were.
    #[must_use]
    pub fn scalar(self, owner: &str, raw: &str) -> String {
        let code = self.keys.code(&[&self.scope.0, owner.as_bytes(), b":", raw.as_bytes()]);
        encode(&format!("{owner}:{code}:{raw}"))
    }

    /// The owner's index and the JSON text that [`Self::scalar`] marked; `None` for any other value.
    #[must_use]
    pub fn scalar_owner(self, gateway: &Gateway, raw: &str) -> Option<(UpstreamId, String)> {
        let text = decode(raw)?;
        let (owner, rest) = text.split_once(':')?;
        let (code, original) = rest.split_once(':')?;
        let index = index(gateway, owner.as_bytes())?;
        let text = [&self.scope.0[..], owner.as_bytes(), b":", original.as_bytes()];
        self.keys.knows(code, &text).then(|| (index, original.to_owned()))
    }

    fn task_code(&self, owner: &str, id: &str) -> String {
        self.keys.code(&self.task_text(owner, id))
    }

    /// What the code of a task is made of. No name of an upstream has a slash, so this is never the text of
    /// another code.
    fn task_text<'t>(&'t self, owner: &'t str, id: &'t str) -> [&'t [u8]; 4] {
        [&self.scope.0, owner.as_bytes(), b"/", id.as_bytes()]
    }
}

/// Marks the ids of tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskTags<'m> {
    /// For a client with a session, which keeps others out by itself.
    Plain,
    /// With a code, for a client without: nobody else has the id who has other credentials, and nobody makes
    /// one up.
    Coded(OwnerTags<'m>),
}

impl TaskTags<'_> {
    /// A raw JSON string, marked: its text keeps its bytes. `None` for one that is no text.
    #[must_use]
    pub(crate) fn mark(self, owner: &str, raw: &str) -> Option<String> {
        let rest = raw.strip_prefix('"')?;
        match self {
            Self::Plain => Some(format!("\"{owner}:{rest}")),
            Self::Coded(tags) => {
                let code = tags.task_code(owner, &decode(raw)?);
                Some(format!("\"{owner}:{code}:{rest}"))
            }
        }
    }

    /// The owner's index and the text that [`Self::mark`] marked.
    #[must_use]
    pub(crate) fn owner<'t>(
        self,
        gateway: &Gateway,
        text: &'t str,
    ) -> Option<(UpstreamId, &'t str)> {
        let (owner, rest) = text.split_once(':')?;
        let index = index(gateway, owner.as_bytes())?;
        let Self::Coded(tags) = self else { return Some((index, rest)) };
        let (code, original) = rest.split_once(':')?;
        tags.keys.knows(code, &tags.task_text(owner, original)).then_some((index, original))
    }
}

fn index(gateway: &Gateway, name: &[u8]) -> Option<UpstreamId> {
    gateway.upstreams.find(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b-1"}]}"#)
    }

    #[test]
    fn ids_and_tokens_come_back_with_their_type_and_every_byte() {
        let gateway = gateway();
        let tags = OwnerTags { keys: &gateway.keys, scope: ScopeTag([3; ScopeTag::LEN]) };
        for raw in [
            "1",
            "-7",
            "9007199254740993",
            "1.50",
            r#""1""#,
            r#""""#,
            r#""a:b""#,
            r#""\u0041\n\"""#,
            r#""\ud83e\udd80""#,
            "\"\u{1F980}\"",
        ] {
            for (index, owner) in ["a", "b-1"].into_iter().enumerate() {
                let marked = tags.scalar(owner, raw);
                assert!(serde_json::from_str::<String>(&marked).is_ok(), "{marked}");
                assert_eq!(
                    tags.scalar_owner(&gateway, &marked),
                    Some((UpstreamId::at(index), raw.to_owned()))
                );
            }
        }
    }

    #[test]
    fn what_was_never_marked_has_no_owner() {
        let gateway = gateway();
        let tags = OwnerTags { keys: &gateway.keys, scope: ScopeTag([3; ScopeTag::LEN]) };
        let marked = tags.scalar("a", "1");
        for at in 1..marked.len() - 1 {
            let mut forged = marked.clone().into_bytes();
            forged[at] = if forged[at] == b'x' { b'y' } else { b'x' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(tags.scalar_owner(&gateway, &forged), None, "{forged}");
        }
        for forged in [marked.replace("a:", "b-1:"), marked.replace(":1", ":2")] {
            assert_eq!(tags.scalar_owner(&gateway, &forged), None, "{forged}");
        }
        let other = OwnerTags { scope: ScopeTag([4; ScopeTag::LEN]), ..tags };
        assert_eq!(other.scalar_owner(&gateway, &marked), None, "of another scope");
        for raw in ["1", "null", r#""""#, r#""a""#, r#""a:""#, r#""a:1""#, r#""a::1""#, "{}"] {
            assert_eq!(tags.scalar_owner(&gateway, raw), None, "{raw}");
        }
        assert_eq!(TaskTags::Plain.owner(&gateway, "x:1"), None);
    }

    #[test]
    fn tasks_keep_their_text() {
        let gateway = gateway();
        let tags = TaskTags::Plain;
        assert_eq!(tags.mark("a", r#""x\u0041:y""#).unwrap(), r#""a:x\u0041:y""#);
        assert_eq!(tags.owner(&gateway, "b-1:xA:y"), Some((UpstreamId::at(1), "xA:y")));
        assert_eq!(tags.owner(&gateway, "a:"), Some((UpstreamId::at(0), "")));
    }

    #[test]
    fn a_coded_task_is_known_to_its_scope_alone() {
        let gateway = gateway();
        let of = |scope| OwnerTags { keys: &gateway.keys, scope: ScopeTag([scope; ScopeTag::LEN]) };
        let tags = TaskTags::Coded(of(3));
        for raw in [r#""x\u0041:y""#, r#""""#, r#""1""#, r#""\ud83e\udd80\"""#] {
            let marked = tags.mark("b-1", raw).unwrap();
            assert!(marked.ends_with(&raw[1..]), "{marked}");
            let text = decode(&marked).unwrap();
            let own = decode(raw).unwrap();
            assert_eq!(tags.owner(&gateway, &text), Some((UpstreamId::at(1), &*own)));
            assert_eq!(TaskTags::Coded(of(4)).owner(&gateway, &text), None);
            assert_eq!(tags.owner(&gateway, &text.replace("b-1:", "a:")), None);
            assert_eq!(tags.owner(&gateway, &format!("{text}x")), None);
        }
        // The code of a request's id is none of a task's.
        let scalar = decode(&of(3).scalar("a", "1")).unwrap().into_owned();
        assert_eq!(tags.owner(&gateway, &scalar), None);
        for text in ["", "a", "a:", "a:x", "a::", "b-1:1", "x:y:z"] {
            assert_eq!(tags.owner(&gateway, text), None, "{text}");
        }
        assert_eq!((tags.mark("a", "1"), tags.mark("a", r#""\ud800""#)), (None, None));
    }
}
