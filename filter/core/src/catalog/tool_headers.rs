//! Which arguments the calls of a tool repeat in headers (`Mcp-Param-*`), as its upstream listed it last.
//!
//! Only upstreams of the stateless era want that. A client with a session does not know of it, so the gateway
//! remembers it in its place. Bounded, and lost with the memory: what is forgotten, or has changed since, costs
//! one refused call and one list.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{KEPT, Page};
use crate::gateway::UpstreamId;
use crate::mcp::param_headers::ParamHeader;

/// How many bytes are remembered of all tools.
const BYTES: usize = 1 << 20;

/// What one tool takes up.
fn size(own: &str, headers: &[ParamHeader]) -> usize {
    KEPT + own.len() + headers.iter().map(|it| KEPT + it.size()).sum::<usize>()
}

impl Page {
    /// Takes note of the arguments that calls of a tool repeat in their head.
    pub(super) fn note_headers(&mut self, own: &str, headers: Vec<ParamHeader>) {
        if !headers.is_empty() {
            self.apart += size(own, &headers);
            self.tool_headers.push((own.to_owned(), headers));
        }
    }
}

/// Tools whose calls repeat arguments, by what their upstream calls them.
#[derive(Debug, Default)]
pub(crate) struct ToolHeaders {
    tools: BTreeMap<UpstreamId, BTreeMap<String, Arc<[ParamHeader]>>>,
    bytes: usize,
}

impl ToolHeaders {
    /// Remembers what an upstream has listed: its whole list, or the part that it begins with, in place of
    /// what was known, or a later part.
    pub(crate) fn learn(
        &mut self,
        upstream: UpstreamId,
        listed: Vec<(String, Vec<ParamHeader>)>,
        is_later: bool,
    ) {
        if !is_later {
            let known = self.tools.remove(&upstream).unwrap_or_default();
            self.bytes -= known.iter().map(|(own, it)| size(own, it)).sum::<usize>();
        }
        for (own, headers) in listed {
            let bytes = size(&own, &headers);
            if bytes > BYTES {
                continue;
            }
            if self.bytes + bytes > BYTES {
                // Who lists again is remembered again.
                *self = Self::default();
            }
            self.bytes += bytes;
            let of_upstream = self.tools.entry(upstream).or_default();
            if let Some(old) = of_upstream.insert(own.clone(), headers.into()) {
                self.bytes -= size(&own, &old);
            }
        }
    }

    /// The arguments that calls of a tool repeat.
    pub(crate) fn find(&self, upstream: UpstreamId, own: &str) -> Option<Arc<[ParamHeader]>> {
        self.tools.get(&upstream)?.get(own).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Raw;
    use crate::mcp::param_headers;

    fn tool(own: &str, header: &str) -> (String, Vec<ParamHeader>) {
        let schema =
            format!(r#"{{"properties":{{"a":{{"type":"string","x-mcp-header":"{header}"}}}}}}"#);
        (own.to_owned(), param_headers::read(Raw::read(&schema).unwrap()).unwrap())
    }

    #[test]
    fn the_last_list_of_each_upstream_counts() {
        let [one, two] = [0, 1].map(UpstreamId::at);
        let mut tools = ToolHeaders::default();
        tools.learn(one, vec![tool("t", "x"), tool("u", "x")], false);
        tools.learn(two, vec![tool("t", "y")], false);
        assert_eq!(tools.find(one, "t").as_deref(), Some(&*tool("t", "x").1));
        assert_eq!(tools.find(two, "t").as_deref(), Some(&*tool("t", "y").1));
        tools.learn(one, vec![tool("v", "x"), tool("u", "longer")], true);
        assert!(tools.find(one, "t").is_some() && tools.find(one, "v").is_some());
        tools.learn(one, vec![tool("v", "x")], false);
        assert_eq!((tools.find(one, "t"), tools.find(one, "u")), (None, None));
        tools.learn(one, Vec::new(), false);
        tools.learn(two, Vec::new(), false);
        assert_eq!((tools.bytes, tools.find(two, "t")), (0, None));
    }

    #[test]
    fn it_stays_within_its_bound() {
        let upstream = UpstreamId::at(0);
        let mut tools = ToolHeaders::default();
        for at in 0..20_000 {
            tools.learn(upstream, vec![tool(&at.to_string(), "x")], true);
            assert!(tools.bytes <= BYTES);
        }
        assert!(tools.find(upstream, "19999").is_some() && tools.find(upstream, "0").is_none());
        tools.learn(upstream, vec![tool(&"n".repeat(BYTES), "x")], true);
        assert!(tools.bytes <= BYTES && tools.find(upstream, "19999").is_some());
    }
}
