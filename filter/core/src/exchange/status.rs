//! The status page (`status`): one page that says how each upstream does, and what to do about it.
//!
//! As HTML for people, and as JSON for who asks for that. It shows what [`crate::seen`] has noted, and asks nobody. No
//! header values, keys, session ids, arguments or results are in it. Names and errors that servers have chosen are
//! texts, whatever they look like: the HTML escapes them, has no scripts, and forbids them.

mod html;
mod json;
mod page;
mod warnings;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::effect::{Effect, Reply, Step};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn};
use crate::http::Headers;

use page::Page;

/// Answers a request for the page.
pub(crate) fn answer(cx: &mut Context<'_>, headers: Headers<'_>) -> Turn {
    let method = headers.first(":method").unwrap_or_default();
    if !matches!(method, b"GET" | b"HEAD") {
        let allow = vec![("allow", b"GET, HEAD".to_vec())];
        return reply(405, allow, b"use GET\n".to_vec());
    }
    let page = Page::of(cx);
    let (media_type, body) = if wants_json(headers) {
        ("application/json", json::write(&page))
    } else {
        ("text/html; charset=utf-8", html::write(&page))
    };
    let head = vec![
        ("content-type", media_type.as_bytes().to_vec()),
        ("content-security-policy", policy().into_bytes()),
        ("x-content-type-options", b"nosniff".to_vec()),
        ("referrer-policy", b"no-referrer".to_vec()),
        ("cache-control", b"no-store".to_vec()),
        ("vary", b"accept".to_vec()),
    ];
    reply(200, head, body.into_bytes())
}

/// Nothing is loaded, nothing runs, and nobody may frame it; the only style is the page's own.
fn policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(html::STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Whether JSON is asked for, and HTML is not.
fn wants_json(headers: Headers<'_>) -> bool {
    let accept = headers.text("accept").unwrap_or_default().to_ascii_lowercase();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn reply(status: u16, headers: Vec<(&'static str, Vec<u8>)>, body: Vec<u8>) -> Turn {
    let reply = Effect::Reply(Reply { status, headers, body });
    (Next::Replied, Step::hold_with(vec![reply]))
}
