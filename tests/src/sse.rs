//! Server-sent events, read and written the plain way, as an `EventSource` does.

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `event:`, or `message`.
    pub name: String,
    /// `id:`, where the event has one.
    pub id: Option<String>,
    /// The `data:` lines, joined by line feeds.
    pub data: String,
}

/// The events of a whole stream with LF or CRLF line ends. An event without an empty line after it
/// is not dispatched.
#[must_use]
pub fn events(stream: &[u8]) -> Vec<Event> {
    let text = String::from_utf8(stream.to_vec()).expect("an event stream is UTF-8");
    let (mut events, mut name, mut id, mut data) = (Vec::new(), String::new(), None, Vec::new());
    for line in text.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else { break };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            let name = std::mem::take(&mut name);
            let name = if name.is_empty() { "message".into() } else { name };
            let lines = std::mem::take(&mut data);
            if !lines.is_empty() {
                events.push(Event { name, id: id.take(), data: lines.join("\n") });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value.to_owned()),
            "id" => id = Some(value.to_owned()),
            _ => {}
        }
    }
    events
}

/// One `message` event.
#[must_use]
pub fn message(data: &str) -> String {
    format!("event: message\ndata: {data}\n\n")
}
