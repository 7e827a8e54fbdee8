//! Durations and byte sizes, each with its limits.
//!
//! A duration is text, `"5s"` or `"1.5h"`; a byte size is an integer or text, `"4MiB"`. Neither is
//! ever rounded to a value that was not written, but for parts of a nanosecond.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::text::text;

const HOUR: u64 = 60 * 60;
const SHORTEST: Duration = Duration::from_millis(1);

const DURATION: &str = r#"a duration such as "5s" or "250ms""#;
const BYTE_SIZE: &str = r#"a byte size such as 65536 or "4MiB""#;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// `upstreams[].timeout`.
pub(super) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(deserializer, Duration::from_secs(HOUR), "a duration of at least 1ms and at most 1h")
}

/// `upstreams[].call_timeout`.
pub(super) fn call_timeout<'de, D>(deserializer: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let longest = Duration::from_secs(24 * HOUR);
    duration(deserializer, longest, "a duration of at least 1ms and at most 24h")
}

/// `session.ttl`.
pub(super) fn ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let longest = Duration::from_secs(365 * 24 * HOUR);
    duration(deserializer, longest, "a duration of at least 1ms and at most 8760h (365 days)")
}

/// `session.idle`: whole seconds are all that its clock has.
pub(super) fn idle<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LIMITS: &str = "a duration of at least 1s and at most 24h";
    text(deserializer, DURATION, |text| {
        let duration = parse_duration(text).ok_or(DURATION)?;
        let bounds = Duration::from_secs(1)..=Duration::from_secs(24 * HOUR);
        if bounds.contains(&duration) { Ok(duration) } else { Err(LIMITS.into()) }
    })
}

/// `catalog.ttl`: whole seconds are all that its clock has.
pub(super) fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LIMITS: &str = "0s or a duration of at least 1s and at most 24h";
    let bounds = Duration::from_secs(1)..=Duration::from_secs(24 * HOUR);
    text(deserializer, DURATION, |text| {
        let duration = parse_duration(text).ok_or(DURATION)?;
        let fits = duration.is_zero() || bounds.contains(&duration);
        if fits { Ok(duration) } else { Err(LIMITS.into()) }
    })
}

/// `catalog.page.items`.
pub(super) fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    deserializer.deserialize_any(Items)
}

/// Every limit in bytes.
pub(super) fn byte_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    deserializer.deserialize_any(ByteSize)
}

fn duration<'de, D>(
    deserializer: D,
    longest: Duration,
    limits: &'static str,
) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    text(deserializer, DURATION, |text| {
        let duration = parse_duration(text).ok_or(DURATION)?;
        if (SHORTEST..=longest).contains(&duration) { Ok(duration) } else { Err(limits.into()) }
    })
}

/// `None` for what is no duration.
fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let nanoseconds: u128 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    let whole = digits(whole)?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok().filter(|length| *length <= 9)?);
    let fraction = if fraction.is_empty() { 0 } else { digits(fraction)? };
    let total = u128::from(whole) * nanoseconds + u128::from(fraction) * nanoseconds / scale;
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(total % 1_000_000_000).ok()?))
}

/// `parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `None` for what is no byte size.
fn parse_byte_size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let bytes = match unit {
        "" | "B" => 1,
        "KB" => 1000,
        "KiB" => KIB,
        "MB" => 1_000_000,
        "MiB" => MIB,
        "GiB" => GIB,
        _ => return None,
    };
    Some(digits(number)?.saturating_mul(bytes))
}

struct ByteSize;

impl ByteSize {
    fn bounded<E: Error>(bytes: u64, written: Unexpected<'_>) -> Result<usize, E> {
        if (KIB..=GIB).contains(&bytes) {
            // A `usize` of 32 bits, as in wasm, holds every value up to the limit.
            if let Ok(bytes) = usize::try_from(bytes) {
                return Ok(bytes);
            }
        }
        Err(E::invalid_value(written, &"a byte size of at least 1KiB and at most 1GiB"))
    }
}

impl Visitor<'_> for ByteSize {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BYTE_SIZE)
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<usize, E> {
        Self::bounded(bytes, Unexpected::Unsigned(bytes))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        let written = Unexpected::Str(text);
        let bytes = parse_byte_size(text).ok_or_else(|| E::invalid_value(written, &BYTE_SIZE))?;
        Self::bounded(bytes, written)
    }
}

struct Items;

impl Visitor<'_> for Items {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of at least 1 and at most 100000")
    }

    fn visit_u64<E: Error>(self, items: u64) -> Result<usize, E> {
        let fits = (1..=100_000).contains(&items).then(|| usize::try_from(items).ok()).flatten();
        fits.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(items), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("5s", 5000),
            ("1.5h", 5_400_000),
            ("0.25m", 15_000),
            ("007s", 7000),
            ("0.000000001h", 0),
            ("8760h", 31_536_000_000),
        ] {
            let duration = parse_duration(text).map(|duration| duration.as_millis());
            assert_eq!(duration, Some(milliseconds), "{text}");
        }
        assert_eq!(parse_duration("0.1ms"), Some(Duration::from_micros(100)));
        for text in [
            "",
            "5",
            "s",
            "5 s",
            " 5s",
            "5s ",
            "5S",
            "5sec",
            "-5s",
            "+5s",
            "1.s",
            ".5s",
            "1.2.3s",
            "1.+2s",
            "5us",
            "1e3s",
            "٥s",
            "99999999999999999999s",
            "1.0000000001s",
            "1h30m",
            "18446744073709551615h",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn byte_sizes() {
        for (text, bytes) in [
            ("65536", 65_536),
            ("65536B", 65_536),
            ("2KB", 2000),
            ("2KiB", 2048),
            ("3MB", 3_000_000),
            ("4MiB", 4_194_304),
            ("1GiB", 1_073_741_824),
            ("18446744073709551615GiB", u64::MAX),
        ] {
            assert_eq!(parse_byte_size(text), Some(bytes), "{text}");
        }
        for text in ["", "B", "4 MiB", "4mib", "4M", "-1", "+1", "1.5MiB", "4GB", "0x10"] {
            assert_eq!(parse_byte_size(text), None, "{text}");
        }
    }
}
