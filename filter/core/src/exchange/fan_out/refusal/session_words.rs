//! The words by which servers say that they do not know a session. There is no rule for these, so
//! they are those of the servers that people run.

/// How many words before "session" belong to it: "No transport found for sessionId".
const BEFORE: usize = 4;

/// How many words after it do: "Session with the given id was not found".
const AFTER: usize = 7;

/// Words before "session" that say that it is not there.
const ABSENT: [&str; 10] = [
    "invalid",
    "unknown",
    "expired",
    "missing",
    "stale",
    "unrecognized",
    "bad",
    "find",
    "nonexistent",
    "dead",
];

/// Words that do behind "no": "no valid session". A class that has "no session today" is another matter.
const NO: [&str; 6] = ["active", "valid", "such", "transport", "known", "existing"];

/// Words after it that do.
const GONE: [&str; 13] = [
    "invalid",
    "unknown",
    "expired",
    "missing",
    "stale",
    "unrecognized",
    "terminated",
    "closed",
    "gone",
    "lost",
    "deleted",
    "ended",
    "mismatch",
];

/// Words after it that do when they are negated: "was not found", "doesn't exist", "no longer valid".
const NEGATED: [&str; 10] = [
    "found",
    "valid",
    "exist",
    "initialized",
    "recognized",
    "active",
    "known",
    "available",
    "longer",
    "registered",
];

/// Whether a text says that a session is not there, or not begun: "Session not found", "no active
/// session", "unknown mcp-session-id header", "Server not initialized". What is in another part of the
/// sentence does not count.
pub(super) fn say_lost(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("not initialized")
        || text.contains("expect initialize")
        || text.split([':', ';', '.', ',', '(', '"', '{']).any(part_says_lost)
}

/// Whether a text names the header that carries the id: "Mcp-Session-Id header is required", where
/// there was one.
pub(super) fn name_the_id(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["session id", "session-id"].iter().any(|words| text.contains(words))
}

fn part_says_lost(part: &str) -> bool {
    let is_word = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    let words: Vec<&str> = part.split(|it| !is_word(it)).filter(|it| !it.is_empty()).collect();
    let is_session = |word: &&str| matches!(*word, "session" | "sessionid" | "session_id");
    let Some(at) = words.iter().position(is_session) else { return false };
    let (before, after) = words.split_at(at);
    let before = before.get(at.saturating_sub(BEFORE)..).unwrap_or_default();
    let negated_before =
        before.windows(2).any(|it| matches!(it, ["no", what] if NO.contains(what)));
    let absent = negated_before || before.iter().any(|it| ABSENT.contains(it));
    let after: Vec<&str> = after.iter().skip(1).take(AFTER).copied().collect();
    let is_not = |word: &&str| matches!(*word, "not" | "no" | "doesn" | "isn" | "cannot");
    let negated = after.iter().position(is_not);
    let negated = negated.and_then(|at| after.get(at..)).unwrap_or_default();
    absent
        || after.iter().any(|it| GONE.contains(it))
        || negated.iter().any(|it| NEGATED.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_it_in_many_words() {
        for text in [
            "Session not found",
            "session not found: 3f2a",
            "Session with id 3f2a not found",
            "invalid session id",
            "Bad Request: No valid session ID provided",
            "no active session",
            "unknown mcp-session-id header",
            "Unauthorized: Session not found",
            "Session expired",
            "Session has been terminated",
            "session does not exist",
            "Session doesn't exist",
            "No transport found for sessionId",
            "Could not find session",
            "Bad Request: Server not initialized",
            "Unexpected message, expect initialize request",
            r#"{"error":"session_id is unknown"}"#,
        ] {
            assert!(say_lost(text), "{text}");
        }
    }

    #[test]
    fn other_texts_about_sessions_are_not_taken_for_it() {
        for text in [
            "",
            "Forbidden",
            "not found",
            "Invalid arguments: session_name is required",
            "Conflict: Only one SSE stream is allowed per session",
            "Forbidden: this session may not call this tool",
            "Invalid tool: ask for a session",
            "obsession not found",
            "The class has no session today",
        ] {
            assert!(!say_lost(text), "{text}");
        }
    }
}
