//! The fields of a server: which there are, and the texts in them.

use std::collections::BTreeSet;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;

use super::Fault;
use super::read::Reader;
use super::template::{Expanded, expand};
use super::text::similar;
use super::variables::{Missing, Variables};

/// The fields of a server. Those that are marked are of clients alone: they do nothing here.
const FIELDS: [(&str, bool); 24] = [
    ("type", true),
    ("transport", true),
    ("command", true),
    ("args", true),
    ("env", true),
    ("cwd", true),
    ("url", true),
    ("headers", true),
    ("disabled", true),
    ("alwaysAllow", false),
    ("autoApprove", false),
    ("description", false),
    ("dev", false),
    ("disabledTools", false),
    ("enabled", false),
    ("gallery", false),
    ("icon", false),
    ("name", false),
    ("oauth", false),
    ("sandbox", false),
    ("sandboxEnabled", false),
    ("timeout", false),
    ("trust", false),
    ("version", false),
];

impl Reader<'_, '_> {
    /// Refuses what is likely a slip, and twice the same.
    pub(super) fn fields(&self, server: &Object<'_>, notes: &mut Vec<String>) -> Result<(), Fault> {
        let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        let mut seen = BTreeSet::new();
        for prop in &server.properties {
            let name = prop.name.as_str();
            if !seen.insert(name) {
                return Err(
                    self.fault(prop, format!("{name:?} is there twice: remove one of the two"))
                );
            }
            if name == "envFile" {
                let instead = "write its variables into \"env\", or set them before the start";
                return Err(self.fault(prop, format!("\"envFile\" is not supported: {instead}")));
            }
            if FIELDS.iter().any(|(known, _)| *known == name) {
                continue;
            }
            // A field that does nothing is no harm, one that was meant to do something is.
            if let Some(meant) = similar(name, &names) {
                return Err(
                    self.fault(prop, format!("the unknown field {name:?}: write {meant:?}"))
                );
            }
            notes.push(format!("{}.{name} is not known here, and is ignored", self.place));
        }
        Ok(())
    }

    /// The fields of an object of texts.
    pub(super) fn texts<'o, 'a>(
        &self,
        server: &'o Object<'a>,
        name: &str,
    ) -> Result<Vec<(&'o ObjectProp<'a>, Expanded)>, Fault> {
        let Some(prop) = server.get(name) else { return Ok(Vec::new()) };
        let Value::Object(object) = &prop.value else {
            let place = prop.value.range().start;
            return Err(self.fault_at(place, format!("{name}: expected an object of texts")));
        };
        let mut texts = Vec::new();
        for field in &object.properties {
            let text =
                self.text(field, &format!("{name}.{}", field.name.as_str()), &field.value)?;
            let expanded = expand(&text, &self.variables).map_err(|message| {
                let place = field.value.range().start;
                self.fault_at(place, format!("{name}.{}: {message}", field.name.as_str()))
            })?;
            texts.push((field, expanded));
        }
        Ok(texts)
    }

    /// A text whose variables all need a value.
    pub(super) fn expanded(
        &self,
        prop: &ObjectProp<'_>,
        name: &str,
        value: &Value<'_>,
    ) -> Result<String, Fault> {
        let text = self.text(prop, name, value)?;
        let variables = Variables { missing: Missing::Refused, ..self.variables };
        let expanded = expand(&text, &variables)
            .map_err(|message| self.fault_at(value.range().start, format!("{name}: {message}")))?;
        Ok(expanded.value.unwrap_or_default())
    }

    /// A text; a number or a boolean is taken for one, as clients do where programs get them.
    pub(super) fn text(
        &self,
        prop: &ObjectProp<'_>,
        name: &str,
        value: &Value<'_>,
    ) -> Result<String, Fault> {
        match value {
            Value::StringLit(text) => Ok(text.value.to_string()),
            Value::NumberLit(number) if name != "url" => Ok(number.value.to_owned()),
            Value::BooleanLit(truth) if name.starts_with("env") => Ok(truth.value.to_string()),
            other => {
                let place = other.range().start.max(prop.range.start);
                Err(self.fault_at(place, format!("{name}: expected a text in quotes")))
            }
        }
    }
}
