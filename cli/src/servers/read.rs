//! From the text of a file to its servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::template::Expanded;
use super::text::similar;
use super::variables::Variables;
use super::{Command, Fault, Header, Reached, Server, Servers, Text, names, url};

/// Under which names files have their servers.
const LISTS: [&str; 2] = ["mcpServers", "servers"];

/// Reads the text of a file.
///
/// # Errors
///
/// The first fault that is found.
pub fn read(text: &str, variables: &Variables<'_>) -> Result<Servers, Fault> {
    let at = Text(text);
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        let message = format!("not JSON: {}; mend it there or just before", error.kind());
        Fault { position: at.position(error.range().start), message }
    })?;
    let root = match &parsed.value {
        Some(Value::Object(root)) => root,
        other => {
            let place = other.as_ref().map_or(0, |value| value.range().start);
            let message = r#"expected an object such as {"mcpServers": {...}}"#.to_owned();
            return Err(Fault { position: at.position(place), message });
        }
    };
    // VS Code's settings have all of it one level deeper.
    let inside = root.get_object("mcp").filter(|inner| inner.get("servers").is_some());
    let root = inside.unwrap_or(root);
    let (place, list) = servers_of(at, root)?;
    let inputs = inputs(root);
    let input = |id: &str| {
        let known = inputs.get(id).ok_or_else(|| {
            format!("the input {id:?} is not among \"inputs\": add it there, or mend its name")
        })?;
        (variables.input)(id).or_else(|reason| known.clone().ok_or(reason))
    };
    let mut reader =
        Reader { at, variables: Variables { input: &input, ..*variables }, place: String::new() };
    let mut read = Servers::default();
    let (mut taken, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for prop in &list.properties {
        let written = prop.name.as_str();
        reader.place = format!("{place}.{written}");
        if !seen.insert(written) {
            return Err(reader.fault(prop, "it is there twice: remove one of the two"));
        }
        if let Some(reached) = reader.server(prop, &mut read.notes)? {
            let name = names::upstream(written, &taken);
            taken.insert(name.clone());
            let place = reader.place.clone();
            read.servers.push(Server { name, written: written.to_owned(), place, reached });
        }
    }
    if read.servers.is_empty() {
        let message = format!("{place}: no server is in it: add one, {EXAMPLE}");
        return Err(Fault { position: at.position(list.range.start), message });
    }
    Ok(read)
}

const EXAMPLE: &str = r#"for instance "fetch": {"command": "uvx", "args": ["mcp-server-fetch"]}"#;

/// The object with the servers, and what it is called.
fn servers_of<'o, 'a>(
    at: Text<'_>,
    root: &'o Object<'a>,
) -> Result<(&'static str, &'o Object<'a>), Fault> {
    for name in LISTS {
        match root.get(name) {
            Some(ObjectProp { value: Value::Object(list), .. }) => return Ok((name, list)),
            Some(prop) => {
                let message = format!("{name}: expected an object of servers, {EXAMPLE}");
                return Err(Fault { position: at.position(prop.value.range().start), message });
            }
            None => {}
        }
    }
    let meant = |prop: &&ObjectProp<'_>| similar(prop.name.as_str(), &LISTS).is_some();
    let message = "no servers: expected \"mcpServers\" (or \"servers\", as VS Code has it)";
    Err(match root.properties.iter().find(meant) {
        Some(prop) => {
            let meant = similar(prop.name.as_str(), &LISTS).unwrap_or_default();
            let message = format!("the unknown field {:?}: write {meant:?}", prop.name.as_str());
            Fault { position: at.position(prop.range.start), message }
        }
        None => Fault { position: at.position(root.range.start), message: message.to_owned() },
    })
}

/// The defaults of VS Code's inputs, by id.
fn inputs(root: &Object<'_>) -> BTreeMap<String, Option<String>> {
    let list = root.get_array("inputs").map_or(&[][..], |array| array.elements.as_slice());
    let objects = list.iter().filter_map(Value::as_object);
    let text = |object: &Object<'_>, name| object.get_string(name).map(|it| it.value.to_string());
    objects.filter_map(|it| Some((text(it, "id")?, text(it, "default")))).collect()
}

/// Reads one server after the other.
pub(super) struct Reader<'t, 'v> {
    pub(super) at: Text<'t>,
    pub(super) variables: Variables<'v>,
    /// The field that is read.
    pub(super) place: String,
}

impl Reader<'_, '_> {
    pub(super) fn fault(&self, prop: &ObjectProp<'_>, message: impl std::fmt::Display) -> Fault {
        self.fault_at(prop.range.start, message)
    }

    pub(super) fn fault_at(&self, byte: usize, message: impl std::fmt::Display) -> Fault {
        let message = format!("{}: {message}", self.place);
        Fault { position: self.at.position(byte), message }
    }

    /// `None` for one that is switched off.
    fn server(
        &self,
        prop: &ObjectProp<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Reached>, Fault> {
        let Value::Object(server) = &prop.value else {
            let place = prop.value.range().start;
            return Err(self.fault_at(place, format!("expected an object, {EXAMPLE}")));
        };
        self.fields(server, notes)?;
        if server.get_boolean("disabled").is_some_and(|it| it.value) {
            notes.push(format!("{} is left out: it is disabled", self.place));
            return Ok(None);
        }
        let kind = self.kind(server)?;
        match (server.get("command"), server.get("url")) {
            (Some(_), Some(url)) => {
                Err(self.fault(url, "both \"command\" and \"url\": remove one of the two"))
            }
            (None, None) => {
                Err(self.fault(prop, "neither \"command\" nor \"url\": add one of the two"))
            }
            (Some(command), None) if matches!(kind, None | Some(Kind::Stdio)) => {
                Ok(Some(Reached::Command(self.command(server, command)?)))
            }
            (None, Some(at)) if kind != Some(Kind::Stdio) => {
                let text = self.expanded(at, "url", &at.value)?;
                let sse = kind.map(|kind| kind == Kind::Sse);
                let mut remote = url::read(&text, sse).map_err(|message| {
                    self.fault_at(at.value.range().start, format!("url: {message}"))
                })?;
                remote.headers = self.headers(server)?;
                Ok(Some(Reached::Url(remote)))
            }
            (Some(command), None) => {
                Err(self.fault(command, "\"command\" is for \"type\": \"stdio\": mend the type"))
            }
            (None, Some(url)) => {
                Err(self.fault(url, "\"url\" is for \"type\": \"http\" or \"sse\": mend the type"))
            }
        }
    }

    fn kind(&self, server: &Object<'_>) -> Result<Option<Kind>, Fault> {
        let Some(prop) = server.get("type").or_else(|| server.get("transport")) else {
            return Ok(None);
        };
        let text = self.text(prop, "type", &prop.value)?;
        match text.to_lowercase().replace(['-', '_'], "").as_str() {
            "stdio" => Ok(Some(Kind::Stdio)),
            "http" | "streamablehttp" => Ok(Some(Kind::Http)),
            "sse" => Ok(Some(Kind::Sse)),
            _ => {
                let known = "write \"stdio\", \"http\" or \"sse\"";
                let place = prop.value.range().start;
                Err(self.fault_at(place, format!("the type {text:?} is not supported: {known}")))
            }
        }
    }

    fn command(&self, server: &Object<'_>, command: &ObjectProp<'_>) -> Result<Command, Fault> {
        let program = self.expanded(command, "command", &command.value)?;
        if program.trim().is_empty() {
            return Err(self.fault(command, "command: it is empty: write the name of a program"));
        }
        let mut arguments = Vec::new();
        if let Some(prop) = server.get("args") {
            let Value::Array(list) = &prop.value else {
                let place = prop.value.range().start;
                return Err(
                    self.fault_at(place, "args: expected a list of texts, such as [\"-y\", \"x\"]")
                );
            };
            for value in &list.elements {
                arguments.push(self.expanded(prop, "args", value)?);
            }
        }
        let mut environment = BTreeMap::new();
        for (prop, value) in self.texts(server, "env")? {
            let name = prop.name.as_str();
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(self.fault(prop, format!("env: {name:?} is no name of a variable")));
            }
            // Without a value it can only be one that does not have to be there: it is printed, not started.
            environment.insert(name.to_owned(), value.value.unwrap_or_default());
        }
        let folder = match server.get("cwd") {
            Some(prop) => Some(PathBuf::from(self.expanded(prop, "cwd", &prop.value)?)),
            None => None,
        };
        Ok(Command { program, arguments, environment, folder })
    }

    fn headers(&self, server: &Object<'_>) -> Result<Vec<Header>, Fault> {
        let mut headers: Vec<Header> = Vec::new();
        for (prop, Expanded { value, variable }) in self.texts(server, "headers")? {
            let written = prop.name.as_str();
            let name = written.to_ascii_lowercase();
            if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
                let message = format!("headers: {written:?} is no name of a header: mend it");
                return Err(self.fault(prop, message));
            }
            if headers.iter().any(|it| it.name == name) {
                return Err(
                    self.fault(prop, format!("headers: {written:?} is there twice: remove one"))
                );
            }
            if let Some(value) = &value
                && (value.is_empty()
                    || !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
            {
                let message = format!(
                    "headers.{written}: its value is empty, or has other than ASCII characters"
                );
                return Err(self.fault(prop, message));
            }
            headers.push(Header { name, value, variable });
        }
        Ok(headers)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stdio,
    Http,
    Sse,
}
