//! The page as HTML. Every text goes through [`escaped`].

use std::fmt::Write as _;

use super::page::{Page, Server, State, Tool};
use super::warnings::{Warning, time};

/// The page's own style, light and dark.
pub(super) const STYLE: &str = include_str!("style.css");

/// What a page is written into: writing to memory does not fail.
type Out = String;

pub(super) fn write(page: &Page) -> String {
    let mut out = Out::new();
    let title = escaped(&page.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta http-equiv=\"refresh\" content=\"5\">\n\
         <title>{title} – status</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    header(&mut out, page);
    warnings(&mut out, &page.warnings);
    servers(&mut out, &page.servers);
    tools(&mut out, page);
    groups(&mut out, page);
    let seen = if page.is_of_all {
        "All of this Envoy process, since it started; medians and states are of the last 32 answers."
    } else {
        "What one worker thread of Envoy has seen since it started: in WebAssembly, each has a memory of its own. Reload \
         the page to meet another one, or start Envoy with --concurrency 1. The metrics are of all workers."
    };
    let _ = write!(
        out,
        "<footer>{seen} It shows anew every 5 seconds.</footer>\n</main>\n</body>\n</html>\n"
    );
    out
}

fn header(out: &mut Out, page: &Page) {
    let of = |state: State| page.servers.iter().filter(|it| it.state == state).count();
    let (title, path) = (escaped(&page.title), escaped(&page.path));
    let _ = write!(
        out,
        "<header><h1>{title}</h1><p>MCP endpoint <code>{path}</code></p><p class=\"sum\">"
    );
    for (state, word) in [
        (State::Ok, "ok"),
        (State::Slow, "slow"),
        (State::Failing, "failing"),
        (State::Unknown, "not asked yet"),
    ] {
        let count = of(state);
        if count > 0 {
            let class = state.class();
            let _ = write!(out, "<span class=\"pill {class}\">{count} {word}</span> ");
        }
    }
    out.push_str("</p></header>\n");
}

fn warnings(out: &mut Out, all: &[Warning]) {
    if all.is_empty() {
        out.push_str("<section class=\"calm\"><p>Nothing to do.</p></section>\n");
        return;
    }
    out.push_str("<section class=\"warnings\"><h2>To look after</h2><ul>\n");
    for Warning { server, tool, what, advice } in all {
        out.push_str("<li><p>");
        let names: Vec<String> = [tool, server]
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(|it| format!("<b>{}</b>", escaped(it)))
            .collect();
        if !names.is_empty() {
            let _ = write!(out, "{}: ", names.join(" of "));
        }
        let (what, advice) = (escaped(what), escaped(advice));
        let _ = writeln!(out, "{what}</p><p class=\"advice\">{advice}</p></li>");
    }
    out.push_str("</ul></section>\n");
}

fn servers(out: &mut Out, all: &[Server]) {
    out.push_str(
        "<section><h2>Servers</h2><div class=\"wide\"><table><thead><tr><th>Server<th>State<th>Era<th>Revision\
         <th>Transport<th class=\"n\">Median<th class=\"n\">Answers<th class=\"n\">Failed<th class=\"n\">Tools\
         <th>Last answer<th>Last error</tr></thead><tbody>\n",
    );
    for it in all {
        let ago = |seconds: u64| format!("{} ago", span(seconds));
        let error = it
            .last_error
            .as_ref()
            .map_or("–".to_owned(), |(at, what)| format!("{}, {}", escaped(what), ago(*at)));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}{}<td>{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}\
             <td class=\"n\">{}<td>{}<td class=\"error\">{error}</tr>",
            escaped(&it.name),
            pill(it.state),
            it.era.unwrap_or("–"),
            it.revision.unwrap_or("–"),
            it.transport,
            time(it.median),
            it.answers,
            it.failures,
            it.tools.map_or("–".to_owned(), |tools| tools.to_string()),
            it.last_answer.map_or("–".to_owned(), ago),
        );
    }
    if all.is_empty() {
        out.push_str("<tr><td colspan=\"11\">None is configured, or none has joined yet.</tr>\n");
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn tools(out: &mut Out, page: &Page) {
    out.push_str(
        "<section><h2>Tools that were called</h2><div class=\"wide\"><table><thead><tr><th>Tool<th>Server<th>State\
         <th class=\"n\">Median<th class=\"n\">Calls<th class=\"n\">Failed<th>Last failure</tr></thead><tbody>\n",
    );
    for Tool { server, name, state, calls, failures, median, last_failure, .. } in &page.tools {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}<td>{}{}<td class=\"n\">{}<td class=\"n\">{calls}<td class=\"n\">{failures}\
             <td>{}</tr>",
            escaped(name),
            escaped(server),
            pill(*state),
            time(*median),
            last_failure.map_or("–", |it| it.label()),
        );
    }
    if page.tools.is_empty() {
        out.push_str("<tr><td colspan=\"7\">None yet.</tr>\n");
    }
    if page.more_tools > 0 {
        let _ = writeln!(out, "<tr><td colspan=\"7\">And {} more.</tr>", page.more_tools);
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn groups(out: &mut Out, page: &Page) {
    out.push_str("<section class=\"groups\">\n");
    for (name, numbers) in &page.groups {
        let _ = write!(out, "<div><h2>{name}</h2><dl>");
        for (name, number) in numbers {
            let _ = write!(out, "<dt>{name}<dd>{number}");
        }
        out.push_str("</dl></div>\n");
    }
    out.push_str("</section>\n");
}

fn pill(state: State) -> String {
    format!("<td><span class=\"pill {}\">{}</span>", state.class(), state.as_str())
}

/// Seconds, for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// A text that is nothing but text in HTML, within an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // It could turn the direction of what follows, or be no character of HTML.
            it if it.is_control() || is_invisible(it) => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

/// Marks of direction, and others that nobody sees.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_nothing_but_text() {
        assert_eq!(
            escaped("<script>alert('a&b')</script>\"\u{202e}\u{0}"),
            "&lt;script&gt;alert(&#39;a&amp;b&#39;)&lt;/script&gt;&quot;\u{fffd}\u{fffd}"
        );
        assert_eq!(escaped("Grüße, 世界"), "Grüße, 世界");
    }
}
