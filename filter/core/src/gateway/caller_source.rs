//! Where it stands who a caller is.

/// Where a request says who sends it. Whatever it is, Envoy has to set it: clients could write it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerSource {
    /// This header, in lower case.
    Header(String),
    /// A claim of a token that Envoy's `jwt_authn` has checked.
    Claim {
        /// The claim: its name, or the names that lead to it.
        path: Vec<String>,
        /// Where the claims are.
        claims: Claims,
    },
}

/// Where Envoy's `jwt_authn` leaves the claims of a token that it has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// In a header, in lower case, as base64url: its `forward_payload_header`.
    Header(String),
    /// In its dynamic metadata, under this name: its `payload_in_metadata`. Only for a host that can read it
    /// ([`Environment::claims`](crate::config::Environment::claims)).
    Metadata(String),
}

impl CallerSource {
    /// The header that no upstream may see, since it holds what a token says.
    #[must_use]
    pub fn private_header(&self) -> Option<&str> {
        match self {
            Self::Claim { claims: Claims::Header(name), .. } => Some(name),
            _ => None,
        }
    }
}
