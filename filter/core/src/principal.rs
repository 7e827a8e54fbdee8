//! Who sends a request, as Envoy says (`caller`), and what it may do (`rules`).
//!
//! Envoy has checked it: with a token (`jwt_authn`), a certificate, an authorization server of its own. The gateway reads
//! no credentials; it binds what belongs to a caller to the caller's name, and finds the rules that fit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use sha2::{Digest as _, Sha256};

use crate::error::ClientError;
use crate::exchange::{Context, trail};
use crate::gateway::rules::Rights;
use crate::gateway::{CallerSource, Claims, Gateway, When};
use crate::http::Headers;
use crate::json::{Raw, Read, Scan, decode};
use crate::seal::CallerTag;

/// How long the claims of a token may be, in bytes of base64url.
const LONGEST_CLAIMS: usize = 64 * 1024;

/// How long the name of a caller may be, in bytes.
const LONGEST_NAME: usize = 4 * 1024;

/// Who sends a request, and what it may do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Principal {
    /// Tells the caller from others; `None` where nobody asks who it is.
    pub(crate) tag: Option<CallerTag>,
    /// What the access log calls it, as [`trail::plain`] has it.
    pub(crate) shown: Option<Arc<str>>,
    /// What it may do.
    pub(crate) rights: Rights,
}

impl Principal {
    /// Reads it from the head of a request.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoCaller`] if the gateway asks for a caller and the request does not say who it is.
    pub(crate) fn read(cx: &Context<'_>, headers: Headers<'_>) -> Result<Self, ClientError> {
        let gateway = cx.gateway;
        let Some(source) = &gateway.caller else {
            let rights = rights(gateway, headers, "", |_| Vec::new());
            return Ok(Self { rights, ..Self::default() });
        };
        let none = ClientError::NoCaller;
        let (name, rights) = match source {
            CallerSource::Header(header) => {
                let value = once(headers, header).ok_or(none.clone())?;
                let name = String::from_utf8(value.to_vec()).map_err(|_| none.clone())?;
                let rights = rights(gateway, headers, &name, |_| Vec::new());
                (name, rights)
            }
            CallerSource::Claim { path, claims: Claims::Metadata(payload) } => {
                let claim = |path: &[String]| cx.host.claim(payload, path);
                let name = only(claim(path)).ok_or(none.clone())?;
                let rights = rights(gateway, headers, &name, claim);
                (name, rights)
            }
            CallerSource::Claim { path, claims: Claims::Header(header) } => {
                let told = once(headers, header).ok_or(none.clone())?;
                if let Some(known) = cx.memory.callers.with(|known| known.find(told)) {
                    return Ok(known);
                }
                let text = payload(told).ok_or(none.clone())?;
                let claims = Raw::read(&text).ok_or(none.clone())?;
                let claim = |path: &[String]| values(claims, path);
                let name = only(claim(path)).ok_or(none.clone())?;
                let rights = rights(gateway, headers, &name, claim);
                let it = Self::named(&name, rights).ok_or(none)?;
                if !depends(gateway) {
                    cx.memory.callers.with(|known| known.remember(told, it.clone()));
                }
                return Ok(it);
            }
        };
        Self::named(&name, rights).ok_or(none)
    }

    /// `None`: the name is empty, or too long.
    fn named(name: &str, rights: Rights) -> Option<Self> {
        let is_name = (1..=LONGEST_NAME).contains(&name.len());
        let it = || Self { tag: Some(tag(name)), shown: Some(trail::plain(&name.into())), rights };
        is_name.then(it)
    }
}

/// Who has sent which claims, and which rules fit, so that claims need not be read with every request. Whether their token
/// is still good is Envoy's matter.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    known: BTreeMap<Box<[u8]>, Principal>,
    bytes: usize,
}

/// How many bytes of claims are remembered.
const REMEMBERED: usize = 1 << 20;

impl Callers {
    fn find(&self, claims: &[u8]) -> Option<Principal> {
        self.known.get(claims).cloned()
    }

    fn remember(&mut self, claims: &[u8], principal: Principal) {
        if self.bytes + claims.len() > REMEMBERED {
            // Who comes again is remembered again.
            *self = Self::default();
        }
        if self.known.insert(claims.into(), principal).is_none() {
            self.bytes += claims.len();
        }
    }
}

/// Whether what a caller may do depends on more than its claims.
fn depends(gateway: &Gateway) -> bool {
    gateway.rules.iter().flatten().any(|rule| matches!(rule.when, When::Header { .. }))
}

fn tag(name: &str) -> CallerTag {
    let mut tag = [0; 16];
    tag.iter_mut().zip(Sha256::digest(name)).for_each(|(to, from)| *to = from);
    CallerTag(tag)
}

/// The value of a header that is there once.
fn once<'h>(headers: Headers<'h>, name: &str) -> Option<&'h [u8]> {
    let mut all = headers.all(name);
    let value = all.next()?.trim_ascii();
    (all.next().is_none() && !value.is_empty()).then_some(value)
}

fn only(values: Vec<String>) -> Option<String> {
    let mut values = values.into_iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The claims of a token, as JSON. Envoy fills the text up with `=` if it is told to.
fn payload(text: &[u8]) -> Option<String> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let text = text.get(..end).filter(|text| text.len() <= LONGEST_CLAIMS)?;
    String::from_utf8(BASE64URL.decode(text).ok()?).ok()
}

/// The texts of a claim: the claim itself, or those in the list that it is.
fn values(claims: Raw<'_>, path: &[String]) -> Vec<String> {
    let Some(at) = path.iter().try_fold(claims, |at, name| member(at, name)) else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    let mut add = |raw: Raw<'_>| {
        let text = Some(raw.get()).filter(|_| raw.is_string()).and_then(decode);
        texts.extend(text.map(Cow::into_owned));
    };
    if at.is_string() {
        add(at);
    } else {
        let each = |scan: &mut Scan<'_>| -> Read<()> {
            add(scan.value()?);
            Ok(())
        };
        // It was read before, so it is JSON.
        let _ = at.scan().elements(each);
    }
    texts
}

/// The member of an object, unless the object has it twice.
fn member<'c>(claims: Raw<'c>, name: &str) -> Option<Raw<'c>> {
    let [found] = claims.scan().pick([name]).ok()??;
    found
}

/// The rules that fit.
fn rights(
    gateway: &Gateway,
    headers: Headers<'_>,
    name: &str,
    claim: impl Fn(&[String]) -> Vec<String>,
) -> Rights {
    let fits = |when: &When| match when {
        When::Always => true,
        When::Caller(names) => names.admits(name),
        When::Claim { path, has } => {
            // Scopes are one text, separated by spaces (RFC 8693, section 4.2).
            let is_scope = path.last().is_some_and(|it| it == "scope" || it == "scp");
            let is = |value: &String| {
                value == has || is_scope && value.split(' ').any(|word| word == has)
            };
            claim(path).iter().any(is)
        }
        When::Header { name, has } => {
            let words = |value: &'_ [u8]| {
                value.split(|byte| *byte == b',').any(|word| word.trim_ascii() == has.as_bytes())
            };
            headers.all(name).any(words)
        }
    };
    Rights::of(gateway.rules.iter().flatten().map(|rule| fits(&rule.when)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_claims_is_bounded() {
        let mut callers = Callers::default();
        for number in 0..5000_u32 {
            let claims = [number.to_le_bytes().as_slice(), &[0; 1000]].concat();
            let it = Principal { tag: Some(tag(&number.to_string())), ..Principal::default() };
            callers.remember(&claims, it.clone());
            callers.remember(&claims, it.clone());
            assert_eq!(callers.find(&claims).and_then(|it| it.tag), it.tag);
            let held: usize = callers.known.keys().map(|it| it.len()).sum();
            assert_eq!(held, callers.bytes);
            assert!(held <= REMEMBERED);
        }
    }
}
