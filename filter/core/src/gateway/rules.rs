//! Who may do what: which tools, prompts, resources and templates there are for a caller.
//!
//! A rule fits a caller or does not, and grants what it names. What no rule that fits a caller grants does not exist for
//! that caller: it is in no list, and a request for it is answered as one for an unknown name.

use std::borrow::Cow;

use super::{Gateway, Globs, Upstream, UpstreamId};
use crate::mcp::method::Kind;
use crate::mcp::uri;

/// The most rules of a gateway.
pub(crate) const MOST_RULES: usize = 64;

/// The rules that fit a caller: a bit for each, the first rule's is the lowest. All callers with the same rights see
/// the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights(u64);

impl Rights {
    /// Those of the rules at these places.
    pub(crate) fn of(fitting: impl Iterator<Item = bool>) -> Self {
        let bits = fitting.take(MOST_RULES).enumerate();
        Self(bits.fold(0, |bits, (at, fits)| bits | u64::from(fits) << at))
    }

    /// Tells them from others.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    const fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }
}

/// One rule: whom it fits, and what it grants. A kind that it does not name it does not grant.
#[derive(Debug)]
pub struct Rule {
    /// Whom it fits.
    pub when: When,
    /// Tools, by their names with prefix.
    pub tools: Option<Globs>,
    /// Prompts likewise.
    pub prompts: Option<Globs>,
    /// Resources and templates, by their URIs as clients see them.
    pub resources: Option<Globs>,
}

/// Whom a rule fits.
#[derive(Debug)]
pub enum When {
    /// Everybody.
    Always,
    /// Callers of these names.
    Caller(Globs),
    /// Callers of whom a claim has this value.
    Claim {
        /// The claim: its name, or the names that lead to it.
        path: Vec<String>,
        /// The text that it is, or that is in it.
        has: String,
    },
    /// Requests with this value in a header that Envoy sets.
    Header {
        /// In lower case.
        name: String,
        /// One of the values, which commas separate.
        has: String,
    },
}

impl Rule {
    fn grants(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Tool => self.tools.as_ref().is_some_and(|globs| globs.admits(name)),
            Kind::Prompt => self.prompts.as_ref().is_some_and(|globs| globs.admits(name)),
            Kind::Resource | Kind::Template => {
                self.resources.as_ref().is_some_and(|globs| globs.admits_uri(name))
            }
            // It came of a call that was granted, and its id is good for its caller alone.
            Kind::Task => true,
        }
    }
}

impl Gateway {
    /// Whether something that its upstream calls `own` exists for callers with these rights: the globs of the upstream
    /// admit it, and a rule grants it, if there are rules.
    #[inline]
    pub(crate) fn admits(
        &self,
        rights: Rights,
        upstream: UpstreamId,
        kind: Kind,
        own: &str,
    ) -> bool {
        let upstream = self.upstream(upstream);
        upstream.admits(kind, own)
            && self.rules.as_ref().is_none_or(|rules| grants(rules, rights, upstream, kind, own))
    }
}

fn grants(rules: &[Rule], rights: Rights, upstream: &Upstream, kind: Kind, own: &str) -> bool {
    if kind == Kind::Task {
        return true;
    }
    let name = qualified(upstream, kind, own);
    let mut fitting = rules.iter().enumerate().filter(|(at, _)| rights.has(*at));
    fitting.any(|(_, rule)| rule.grants(kind, &name))
}

/// What rules call something: the name with the prefix, whatever `naming.prefix` says, or the URI as clients see it.
fn qualified<'o>(upstream: &Upstream, kind: Kind, own: &'o str) -> Cow<'o, str> {
    let prefix = upstream.joined_prefix.as_str();
    match kind {
        Kind::Tool => Cow::Owned([prefix, upstream.tools.rename.shown(own)].concat()),
        Kind::Prompt => Cow::Owned([prefix, own].concat()),
        Kind::Resource | Kind::Template => uri::shown(upstream, own),
        Kind::Task => Cow::Borrowed(own),
    }
}

impl Upstream {
    /// Whether its globs admit something that it calls `own`.
    #[inline]
    fn admits(&self, kind: Kind, own: &str) -> bool {
        match kind {
            Kind::Tool => self.tools.admits(own),
            Kind::Prompt => self.prompts.admits(own),
            Kind::Resource | Kind::Template => self.resources.admits_uri(own),
            Kind::Task => true,
        }
    }
}
