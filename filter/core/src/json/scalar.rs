//! Numbers and literals, byte by byte.

/// How far a number or a literal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// What is missing of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Number(Number),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Behind the sign.
    Sign,
    /// It is 0 so far.
    Zero,
    Whole,
    Point,
    Fraction,
    /// Behind the E.
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Scalar {
    /// Begins one; `None` if none begins like this.
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        Some(match byte {
            b't' => Self::Literal(b"rue"),
            b'f' => Self::Literal(b"alse"),
            b'n' => Self::Literal(b"ull"),
            b'-' => Self::Number(Number::Sign),
            b'0' => Self::Number(Number::Zero),
            b'1'..=b'9' => Self::Number(Number::Whole),
            _ => return None,
        })
    }

    /// How far it is with this byte; `None` if that is no part of it.
    pub(super) const fn with(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Literal([next, rest @ ..]), _) if *next == byte => Self::Literal(rest),
            (Self::Number(number), _) => match number.with(byte) {
                Some(number) => Self::Number(number),
                None => return None,
            },
            _ => return None,
        })
    }

    /// Whether it is complete as it is.
    pub(super) const fn may_end(self) -> bool {
        match self {
            Self::Literal(missing) => missing.is_empty(),
            Self::Number(number) => matches!(
                number,
                Number::Zero | Number::Whole | Number::Fraction | Number::ExponentDigits
            ),
        }
    }
}

impl Number {
    const fn with(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Sign, b'0') => Self::Zero,
            (Self::Sign | Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => {
                Self::ExponentDigits
            }
            _ => return None,
        })
    }
}
