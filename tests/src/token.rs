//! Tokens, and Envoy's `jwt_authn`, which checks them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::envoy_config::proto;

/// Who issues the tokens.
pub const ISSUER: &str = "https://issuer.example";

/// The key that signs them.
const SECRET: &[u8] = b"a key of the tests, of 32 bytes.";

/// A token with these claims besides its issuer and its end (RFC 7519).
#[must_use]
pub fn token(claims: &Value) -> String {
    let mut all = json!({"iss": ISSUER, "exp": 4_102_444_800_u64});
    all.as_object_mut().expect("an object").extend(claims.as_object().expect("claims").clone());
    let part = |json: &Value| BASE64URL.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k"})), part(&all));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64URL.encode(mac.finalize().into_bytes()))
}

/// Who issues the tokens, as `jwt_authn` has it, with these fields in place of others.
#[must_use]
pub fn provider(fields: &Value) -> Value {
    let key = json!({"kty": "oct", "alg": "HS256", "kid": "k", "k": BASE64URL.encode(SECRET)});
    let mut issuer = json!({
        "issuer": ISSUER,
        "local_jwks": {"inline_string": json!({"keys": [key]}).to_string()},
    });
    let fields = fields.as_object().expect("fields").clone();
    issuer.as_object_mut().expect("an object").extend(fields);
    issuer
}

/// The filter that lets nobody to the endpoint without a token, with these fields of the provider in place of others.
#[must_use]
pub fn jwt_authn(fields: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": proto("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
            "providers": {"issuer": provider(fields)},
            "rules": [{"match": {"path": "/mcp"}, "requires": {"provider_name": "issuer"}}],
        },
    })
}
