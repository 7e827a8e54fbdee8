//! `caller`, `rules` and `auth`: who asks, who may do what, and how clients get to say who they are.

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::Environment;
use super::check::globs;
use super::collections::List;
use super::error::ConfigError;
use super::raw::Pattern;
use super::text::{HeaderName, Name, Scope, Url};
use crate::gateway::{self, CallerSource, Claims, Globs, Rule, When, rules};

/// Where `jwt_authn` leaves claims in its metadata unless the configuration says so.
const METADATA: &str = "jwt_payload";

/// `caller`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with header, or with claim")]
pub(super) struct Caller {
    header: Option<HeaderName>,
    claim: Option<ClaimPath>,
    payload_header: Option<HeaderName>,
    metadata: Option<Name>,
}

/// One of `rules`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with when, tools, prompts and resources")]
pub(super) struct RawRule {
    when: Option<RawWhen>,
    tools: Option<Filter>,
    prompts: Option<Filter>,
    resources: Option<Filter>,
}

/// `rules`.
pub(super) type RawRules = List<RawRule, { rules::MOST_RULES }>;

/// `rules[].when`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with caller, or with claim or header and has")]
struct RawWhen {
    caller: Option<List<Pattern, 256>>,
    claim: Option<ClaimPath>,
    header: Option<HeaderName>,
    has: Option<Name>,
}

/// Globs on the names of something. An empty `allow` admits nothing; none at all admits everything.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with allow, deny or both")]
pub(super) struct Filter {
    allow: Option<List<Pattern, 256>>,
    deny: Option<List<Pattern, 256>>,
}

impl Filter {
    pub(super) fn globs(self) -> Globs {
        Globs::new(globs(self.allow), globs(self.deny))
    }
}

/// The name of a claim, or a list of the names that lead to it.
struct ClaimPath(Vec<String>);

const CLAIM: &str = "the name of a claim, or a list of 1 to 8 names that lead to it";

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Path;
        impl<'de> Visitor<'de> for Path {
            type Value = ClaimPath;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(CLAIM)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClaimPath, E> {
                let wrong = serde::de::Unexpected::Str(text);
                let name = (1..=256).contains(&text.len()).then(|| vec![text.to_owned()]);
                name.map(ClaimPath).ok_or_else(|| E::invalid_value(wrong, &CLAIM))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClaimPath, A::Error> {
                let mut path = Vec::new();
                while let Some(Name(name)) = list.next_element()? {
                    path.push(name);
                }
                if (1..=8).contains(&path.len()) {
                    return Ok(ClaimPath(path));
                }
                let found = format!("a list of {}", path.len());
                let found = serde::de::Unexpected::Other(&found);
                Err(serde::de::Error::invalid_value(found, &CLAIM))
            }
        }
        deserializer.deserialize_any(Path)
    }
}

/// `auth`.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with resource, authorization_servers and scopes"
)]
pub(super) struct Auth {
    resource: Url,
    authorization_servers: Servers,
    #[serde(default)]
    scopes: List<Scope, 64>,
}

/// At least one.
struct Servers(Vec<Url>);

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let List(servers) = List::<Url, 16>::deserialize(deserializer)?;
        if servers.is_empty() {
            let found = serde::de::Unexpected::Other("an empty list");
            let expected = "the URL of at least one authorization server";
            return Err(serde::de::Error::invalid_value(found, &expected));
        }
        Ok(Self(servers))
    }
}

/// What clients are told of how to authenticate.
pub(super) fn auth(raw: Auth) -> gateway::Auth {
    gateway::Auth {
        resource: raw.resource.0,
        authorization_servers: raw.authorization_servers.0.into_iter().map(|it| it.0).collect(),
        scopes: raw.scopes.0.into_iter().map(|it| it.0).collect(),
    }
}

fn refused<T>(path: &str, found: &str, expected: &str) -> Result<T, ConfigError> {
    Err(ConfigError::new(path, found, expected))
}

/// Where a request says who sends it.
pub(super) fn caller(
    raw: Option<Caller>,
    surroundings: &Environment<'_>,
) -> Result<Option<CallerSource>, ConfigError> {
    let Some(Caller { header, claim, payload_header, metadata }) = raw else { return Ok(None) };
    let (path, claims) = match (header, claim) {
        (Some(_), Some(_)) => return refused("caller", "header and claim", "one of the two"),
        (None, None) => return refused("caller", "neither header nor claim", "one of the two"),
        (Some(HeaderName(header)), None) => {
            if payload_header.is_some() || metadata.is_some() {
                let expected = "payload_header and metadata beside a claim alone";
                return refused("caller", "header and where claims are", expected);
            }
            return Ok(Some(CallerSource::Header(header)));
        }
        (None, Some(ClaimPath(path))) => (path, (payload_header, metadata)),
    };
    let claims = match claims {
        (Some(_), Some(_)) => {
            return refused("caller", "payload_header and metadata", "one of the two");
        }
        (Some(HeaderName(header)), None) => Claims::Header(header),
        (None, metadata) if surroundings.claims => {
            Claims::Metadata(metadata.map_or_else(|| METADATA.to_owned(), |Name(name)| name))
        }
        (None, _) => {
            let found = "nothing, while Envoy does not let the native host read claims in metadata";
            let expected = "a header: payload_header: x-jwt-payload here, and forward_payload_header: x-jwt-payload in the provider of jwt_authn";
            return refused("caller.payload_header", found, expected);
        }
    };
    Ok(Some(CallerSource::Claim { path, claims }))
}

/// Who may do what.
pub(super) fn rules(
    raw: Option<RawRules>,
    caller: Option<&CallerSource>,
) -> Result<Option<Vec<Rule>>, ConfigError> {
    let Some(List(raw)) = raw else { return Ok(None) };
    let rule = |(at, raw): (usize, RawRule)| {
        Ok(Rule {
            when: when(&format!("rules[{at}].when"), raw.when, caller)?,
            tools: raw.tools.map(Filter::globs),
            prompts: raw.prompts.map(Filter::globs),
            resources: raw.resources.map(Filter::globs),
        })
    };
    raw.into_iter().enumerate().map(rule).collect::<Result<_, _>>().map(Some)
}

fn when(
    path: &str,
    raw: Option<RawWhen>,
    source: Option<&CallerSource>,
) -> Result<When, ConfigError> {
    let Some(RawWhen { caller, claim, header, has }) = raw else { return Ok(When::Always) };
    match (caller, claim, header, has) {
        (Some(names), None, None, None) => match source {
            Some(_) => Ok(When::Caller(Globs::new(globs(Some(names)), None))),
            None => refused(
                &format!("{path}.caller"),
                "a condition, while nothing says who the caller is",
                "`caller` in the configuration",
            ),
        },
        (None, Some(ClaimPath(claim)), None, Some(Name(has))) => match source {
            Some(CallerSource::Claim { .. }) => Ok(When::Claim { path: claim, has }),
            _ => refused(
                &format!("{path}.claim"),
                "a condition, while nothing says where claims are",
                "`caller.claim` in the configuration",
            ),
        },
        (None, None, Some(HeaderName(name)), Some(Name(has))) => Ok(When::Header { name, has }),
        _ => refused(
            path,
            "another set of fields",
            "caller alone, or claim and has, or header and has; without `when` a rule fits everybody",
        ),
    }
}
