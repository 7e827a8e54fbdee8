//! The kinds of things that servers list, and how a client asks for one of them.

use super::{Got, Request, World, raw_member};

/// One kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The method that lists them.
    pub(crate) method: &'static str,
    /// Where the result holds them.
    pub(crate) member: &'static str,
    /// What names an item.
    pub(crate) key: &'static str,
    /// The method about one of them.
    pub(crate) about: &'static str,
    /// The JSON-RPC code of one that nobody has.
    pub(crate) unknown: i64,
}

pub(crate) const TOOLS: Kind = Kind {
    method: "tools/list",
    member: "tools",
    key: "name",
    about: "tools/call",
    unknown: -32602,
};
pub(crate) const PROMPTS: Kind = Kind {
    method: "prompts/list",
    member: "prompts",
    key: "name",
    about: "prompts/get",
    unknown: -32602,
};
pub(crate) const RESOURCES: Kind = Kind {
    method: "resources/list",
    member: "resources",
    key: "uri",
    about: "resources/read",
    unknown: -32002,
};
pub(crate) const TEMPLATES: Kind = Kind {
    method: "resources/templates/list",
    member: "resourceTemplates",
    key: "uriTemplate",
    about: "completion/complete",
    unknown: -32602,
};
pub(crate) const TASKS: Kind = Kind {
    method: "tasks/list",
    member: "tasks",
    key: "taskId",
    about: "tasks/get",
    unknown: -32602,
};

pub(crate) const KINDS: [Kind; 5] = [TOOLS, PROMPTS, RESOURCES, TEMPLATES, TASKS];

/// An item with what makes it one of its kind to clients, unless that is there.
pub(crate) fn usable(method: &str, item: &str) -> String {
    let member = match method {
        "tools/list" => r#""inputSchema":{"type":"object"}"#,
        "resources/list" | "resources/templates/list" => r#""name":"n""#,
        _ => return item.to_owned(),
    };
    let key = member.split(':').next().unwrap_or_default();
    let inner = item.trim_end().strip_suffix('}').filter(|_| !item.contains(key));
    let Some(inner) = inner else { return item.to_owned() };
    let comma = if inner.trim() == "{" { "" } else { "," };
    format!("{inner}{comma}{member}}}")
}

impl Kind {
    /// The params of a request about the thing that this raw JSON string names.
    pub(crate) fn params(self, raw: &str) -> String {
        match self.key {
            "uriTemplate" => {
                let reference = format!(r#"{{"type":"ref/resource","uri":{raw}}}"#);
                format!(r#"{{"ref":{reference},"argument":{{"name":"x","value":"y"}}}}"#)
            }
            key => format!(r#"{{"{key}":{raw}}}"#),
        }
    }
}

impl World {
    /// The first page of a list.
    pub(crate) fn list_of(&mut self, session: &str, kind: Kind) -> Got {
        self.send(&Request::rpc(kind.method, "{}").within(session))
    }

    /// Every page of a list, from the first to the last.
    pub(crate) fn walk_of(&mut self, session: &str, kind: Kind) -> Vec<Got> {
        let mut pages = vec![self.list_of(session, kind)];
        let next =
            |page: &Got| raw_member(raw_member(&page.body, "result")?.as_bytes(), "nextCursor");
        while let Some(cursor) = pages.last().and_then(next) {
            assert!(pages.len() < 100, "the list does not end");
            let params = format!(r#"{{"cursor":{cursor}}}"#);
            pages.push(self.send(&Request::rpc(kind.method, &params).within(session)));
        }
        pages
    }

    /// Asks for the thing that this raw JSON string names.
    pub(crate) fn ask_for(&mut self, session: &str, kind: Kind, raw: &str) -> Got {
        self.send(&Request::rpc(kind.about, &kind.params(raw)).within(session))
    }
}

impl Got {
    /// The items of a list, as they are written.
    pub(crate) fn items(&self, kind: Kind) -> Vec<String> {
        let result = raw_member(&self.body, "result");
        let result = result.unwrap_or_else(|| panic!("a result: {}", self.text()));
        let items = raw_member(result.as_bytes(), kind.member).expect("items");
        let items: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_str(&items).expect("a list");
        items.iter().map(|item| item.get().to_owned()).collect()
    }

    /// What names the items of a list, as it is written.
    pub(crate) fn raw_keys(&self, kind: Kind) -> Vec<String> {
        let key = |item: &String| raw_member(item.as_bytes(), kind.key).expect("a key");
        self.items(kind).iter().map(key).collect()
    }

    /// What names the items of a list.
    pub(crate) fn keys(&self, kind: Kind) -> Vec<String> {
        let text = |raw: &String| serde_json::from_str(raw).expect("text");
        self.raw_keys(kind).iter().map(text).collect()
    }
}
