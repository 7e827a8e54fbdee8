//! Which texts are taken.

use super::*;

#[test]
fn texts_are_taken_or_refused_whole() {
    let longest = "a".repeat(32);
    for (right, taken, refused) in [
        (is_path as fn(&str) -> bool, &["/", "/mcp", "/a/~b%20"][..], &["", "mcp", "/a b"][..]),
        (is_path, &[], &["/a?b", "/a#b", "/\u{e9}", "/a\n", "/\u{7f}"]),
        (is_upstream_name, &["a", "0", "a-b", "a--b", &longest], &["", "-", "a-", "-a", "A"]),
        (is_upstream_name, &[], &["a_b", "a.b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\u{e9}"]),
        (is_visible, &["a", "outbound|80||x"], &["", " ", "a b", "\u{e9}"]),
        (is_authority, &["a:80", "[::1]:80"], &["", "a/b", "http://a", "a b"]),
        (is_prefix, &["", "a", "A_.-9"], &["a b", "a/b", "\u{e9}"]),
        (is_new_name, &["a", &"A_.-9".repeat(25)], &["", "a b", "a/b", "\u{e9}"]),
        (is_new_name, &[], &[&"a".repeat(129)]),
        (is_description, &[" ", "\u{e9}\n", &"a".repeat(16384)], &["", &"a".repeat(16385)]),
        (is_separator, &["_", "::::::::"], &["", "a b", "\"", "'", "\\", "_________"]),
        (is_token, &["x-request-id", "a!#"], &["", "a b", "a:b", "a\n", "\u{e9}"]),
        (is_header_value, &["", "Bearer a", "a\tb"], &["a\r\nb", "\0", "\u{7f}", "\u{e9}"]),
    ] {
        for (texts, expected) in [(taken, true), (refused, false)] {
            for text in texts {
                assert_eq!(right(text), expected, "{text:?}");
            }
        }
    }
}

#[test]
fn the_gateways_own_headers_are_refused_in_any_case() {
    for name in OWNED_HEADERS.into_iter().chain([":path", ":x", "Host", "X-MCP-Cluster"]) {
        assert!(header_name(name).is_err(), "{name}");
    }
    assert_eq!(header_name("Authorization").as_deref(), Ok("authorization"));
}

#[test]
fn origins_are_kept_as_browsers_send_them() {
    for (text, kept) in [
        ("*", "*"),
        ("null", "null"),
        ("https://App.Example", "https://app.example"),
        ("HTTPS://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://[::1]", "http://[::1]"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("vscode-webview://a1b2", "vscode-webview://a1b2"),
    ] {
        assert_eq!(origin(text).as_deref(), Some(kept), "{text}");
    }
    for text in [
        "",
        "app.example",
        "https://",
        "://a",
        "1a://b",
        "https://a/",
        "https://a/b",
        "https://*.a",
        "https://a b",
        "https://a:",
        "https://a:0",
        "https://a:65536",
        "https://a:b",
        "https://a:+1",
        "https://u@a",
        "https://[::1",
        "https://[x]",
        "https://a?",
        "https://\u{e9}",
    ] {
        assert_eq!(origin(text), None, "{text}");
    }
}
