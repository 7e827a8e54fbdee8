//! A request as an upstream got it.

use std::borrow::Cow;

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A request as an upstream got it, body and all.
#[derive(Debug, Clone)]
pub struct Seen {
    /// For instance `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case (as HTTP compares them), values as bytes, in the order of the wire.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Bytes,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl Seen {
    /// The only value of a header; `None` without one. Two are a failure.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v);
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} came twice: {:?}", self.headers);
        Some(std::str::from_utf8(value).expect("a header of ASCII"))
    }

    /// The JSON-RPC method; `None` for a response or a body that is no message.
    #[must_use]
    pub fn rpc_method(&self) -> Option<String> {
        self.envelope().and_then(|envelope| envelope.method.map(Cow::into_owned))
    }

    /// The text of the id, as it stands in the body (`"1"` keeps its quotes); `null` without one.
    #[must_use]
    pub fn id(&self) -> &str {
        self.envelope().and_then(|envelope| envelope.id).map_or("null", RawValue::get)
    }

    /// `params`; null without any.
    #[must_use]
    pub fn params(&self) -> Value {
        let params = self.envelope().and_then(|envelope| envelope.params);
        params.map_or(Value::Null, |text| serde_json::from_str(text.get()).expect("params"))
    }

    /// `params.name`, however deep the other parameters are nested; empty without one.
    #[must_use]
    pub fn name(&self) -> String {
        #[derive(Deserialize, Default)]
        struct Params<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        let params = self.envelope().and_then(|envelope| envelope.params);
        let params = params.and_then(|text| serde_json::from_str::<Params<'_>>(text.get()).ok());
        params.unwrap_or_default().name.into_owned()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    fn envelope(&self) -> Option<Envelope<'_>> {
        serde_json::from_slice(&self.body).ok()
    }
}
