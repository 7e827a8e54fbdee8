//! Holds an item against [`schema`](super::schema), in the one pass in which it is read.

use std::fmt::Write as _;

use super::schema::{Is, Member, Need};
use crate::json::{Raw, Read, Scan, decode};

/// What was found in an item.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Why clients would reject it; the first of several reasons.
    pub(super) flaw: Option<String>,
    /// Whether it has something that [`mend`](super::mend) has to change.
    pub(super) mendable: bool,
}

/// Where in an item something stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    within: Option<&'p Place<'p>>,
    key: &'static str,
}

impl Place<'_> {
    fn write(&self, out: &mut String) {
        if let Some(within) = self.within {
            within.write(out);
        }
        let dot = if out.is_empty() || self.key == "[]" { "" } else { "." };
        let _ = write!(out, "{dot}{}", self.key);
    }
}

impl Findings {
    #[cold]
    fn flaw(&mut self, place: Option<&Place<'_>>, what: &str) {
        if self.flaw.is_none() {
            let mut reason = String::new();
            match place {
                Some(place) => place.write(&mut reason),
                None => reason.push_str("it"),
            }
            let _ = write!(reason, " {what}");
            self.flaw = Some(reason);
        }
    }

    /// Reads an item; `picked` is handed those of its members that are among `members`, by their place.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::json::Malformed) of what is not JSON.
    pub(super) fn item<'a>(
        &mut self,
        scan: &mut Scan<'a>,
        members: &'static [Member],
        picked: impl FnMut(usize, Raw<'a>),
    ) -> Read<()> {
        self.object(scan, members, None, picked)
    }

    fn object<'a>(
        &mut self,
        scan: &mut Scan<'a>,
        members: &'static [Member],
        place: Option<&Place<'_>>,
        mut picked: impl FnMut(usize, Raw<'a>),
    ) -> Read<()> {
        let mut seen = 0_u32;
        let is_object = scan.members(|scan, key| {
            let Some(at) = members.iter().position(|member| member.key == key) else {
                return scan.skip();
            };
            let Some(member) = members.get(at) else { return Ok(()) };
            let here = Place { within: place, key: member.key };
            if seen & 1 << at != 0 {
                self.flaw(Some(&here), "is there twice");
            }
            seen |= 1 << at;
            let value = scan.look(|scan| self.member(scan, member, &here))?;
            picked(at, value);
            Ok(())
        })?;
        if !is_object {
            self.flaw(place, "is no object");
            return Ok(());
        }
        for (at, member) in members.iter().enumerate() {
            if member.need == Need::Required && seen & 1 << at == 0 {
                self.flaw(Some(&Place { within: place, key: member.key }), "is missing");
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        scan: &mut Scan<'_>,
        member: &'static Member,
        here: &Place<'_>,
    ) -> Read<()> {
        if scan.peek() == Some(b'n') && !matches!(member.is, Is::Anything | Is::NumberOrNull) {
            match member.need {
                Need::Optional => self.mendable = true,
                Need::Required | Need::NotNull => self.flaw(Some(here), "is null"),
            }
            return scan.skip();
        }
        self.value(scan, &member.is, here)
    }

    fn value(&mut self, scan: &mut Scan<'_>, is: &'static Is, here: &Place<'_>) -> Read<()> {
        let first = scan.peek();
        match is {
            Is::Object(members) => return self.object(scan, members, Some(here), |_, _| {}),
            Is::List(of) => {
                let element = Place { within: Some(here), key: "[]" };
                let is_list = scan.elements(|scan| self.value(scan, of, &element))?;
                if !is_list {
                    self.flaw(Some(here), "is no list");
                }
                return Ok(());
            }
            Is::Properties => return self.properties(scan, here),
            Is::Anything => {
                self.mendable |= first == Some(b'n');
                return scan.skip();
            }
            _ => {}
        }
        let value = scan.value()?;
        if let Some(what) = wrong(is, first, value) {
            self.flaw(Some(here), what);
        }
        Ok(())
    }

    fn properties(&mut self, scan: &mut Scan<'_>, here: &Place<'_>) -> Read<()> {
        let mut odd = false;
        let is_object = scan.member_values(|scan| {
            match scan.peek() {
                Some(b'{') => {}
                // As in JSON Schema; the SDK for TypeScript takes objects alone.
                Some(b't' | b'f') => self.mendable = true,
                _ => odd = true,
            }
            scan.skip()
        })?;
        if !is_object {
            self.flaw(Some(here), "is no object");
        } else if odd {
            self.flaw(Some(here), "has one that is no schema");
        }
        Ok(())
    }
}

/// What a value that begins with this byte is instead of what it may be.
fn wrong(is: &Is, first: Option<u8>, value: Raw<'_>) -> Option<&'static str> {
    let text = || decode(value.get());
    let number = || value.get().parse::<f64>().ok().filter(|_| is_number(first));
    let (fine, otherwise) = match is {
        Is::Text => (first == Some(b'"'), "is no text"),
        Is::Flag => (matches!(first, Some(b't' | b'f')), "is neither true nor false"),
        Is::Number => (is_number(first), "is no number"),
        Is::NumberOrNull => (is_number(first) || first == Some(b'n'), "is no number"),
        Is::Integer => (is_integer(value), "is no integer"),
        Is::Fraction => {
            (number().is_some_and(|it| (0.0..=1.0).contains(&it)), "is no number from 0 to 1")
        }
        Is::Timestamp => (text().is_some_and(|it| is_timestamp(&it)), "is no date of RFC 3339"),
        Is::OneOf(texts) => {
            (text().is_some_and(|it| texts.contains(&&*it)), "is none of its values")
        }
        Is::Anything | Is::Object(_) | Is::List(_) | Is::Properties => (true, ""),
    };
    (!fine).then_some(otherwise)
}

fn is_number(first: Option<u8>) -> bool {
    matches!(first, Some(b'-' | b'0'..=b'9'))
}

/// Whether every client takes a value for an integer: `1e3` is one.
pub(super) fn is_integer(value: Raw<'_>) -> bool {
    let text = value.get();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return !digits.is_empty();
    }
    let number = text.parse::<f64>().ok().filter(|_| is_number(text.bytes().next()));
    number.is_some_and(|it| it.fract() == 0.0 && it.abs() < 9.2e18)
}

/// Whether a text is a date and time as in `2025-01-12T15:00:58Z`, with an offset or `Z`.
fn is_timestamp(text: &str) -> bool {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    let fixed = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    let parts = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)];
    let parts = parts.map(|(from, to)| number(from, to));
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
        return false;
    };
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let rest = text.get(19..).unwrap_or_default();
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() { "" } else { zone }
        }
        None => rest,
    };
    fixed.iter().all(|(at, byte)| text.get(*at..).is_some_and(|rest| rest.starts_with(*byte)))
        && (1..=days).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && is_zone(zone)
}

fn is_zone(zone: &str) -> bool {
    let Some((hours, minutes)) =
        zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'))
    else {
        return zone == "Z";
    };
    let within = |text: &str, most: u32| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|number| number < most)
    };
    within(hours, 24) && within(minutes, 60)
}
