//! What the server has: a part of what server-everything has, under the same names. One tool logs, which
//! that of server-everything does not.
#![expect(deprecated, reason = "log messages to clients are deprecated, and served all the same")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, GetPromptRequestParams, GetPromptResponse,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams,
    ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse, ServerConfig,
    SetLevelRequestParams,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, from_value, json};

const DYNAMIC: &str = "demo://resource/dynamic";
const FEATURES: &str = "demo://resource/static/document/features.md";

/// The handler of one session, or of one request without one.
#[derive(Debug, Default)]
pub(crate) struct Everything {
    /// Whether the session has asked for log messages.
    logs: AtomicBool,
}

type Context = RequestContext<RoleServer>;
type Arguments = Map<String, Value>;

fn invalid(what: impl Into<String>) -> ErrorData {
    ErrorData::invalid_params(what.into(), None)
}

/// A result, written as it is on the wire. The SDK takes out for a session what that does not know.
fn result<T: serde::de::DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    value["resultType"] = "complete".into();
    from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn text(text: impl Into<String>) -> Value {
    json!({"type": "text", "text": text.into()})
}

fn resource(kind: &str, id: &str) -> Value {
    let uri = format!("{DYNAMIC}/{}/{id}", kind.to_lowercase());
    let made = |what| format!("Resource {id}: This is a {what} created at some time");
    if kind == "Text" {
        json!({"uri": uri, "mimeType": "text/plain", "text": made("plaintext resource")})
    } else {
        let blob = STANDARD.encode(made("base64 blob"));
        json!({"uri": uri, "mimeType": "text/plain", "blob": blob})
    }
}

fn embedded(kind: &str, id: &str) -> Value {
    json!({"type": "resource", "resource": resource(kind, id)})
}

fn link(id: u64) -> Value {
    let kind = if id.is_multiple_of(2) { "text" } else { "blob" };
    let (uri, name) = (format!("{DYNAMIC}/{kind}/{id}"), format!("Resource {id}"));
    json!({"type": "resource_link", "uri": uri, "name": name, "mimeType": "text/plain"})
}

fn argument<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a Value, ErrorData> {
    arguments.get(name).ok_or_else(|| invalid(format!("{name} is missing")))
}

fn word<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, ErrorData> {
    argument(arguments, name)?.as_str().ok_or_else(|| invalid(format!("{name} is no string")))
}

fn number(arguments: &Arguments, name: &str) -> Result<f64, ErrorData> {
    argument(arguments, name)?.as_f64().ok_or_else(|| invalid(format!("{name} is no number")))
}

fn count(arguments: &Arguments, name: &str) -> Result<u64, ErrorData> {
    argument(arguments, name)?.as_u64().ok_or_else(|| invalid(format!("{name} is no count")))
}

impl Everything {
    async fn work(&self, arguments: &Arguments, context: &Context) -> Result<String, ErrorData> {
        let (duration, steps) = (number(arguments, "duration")?, count(arguments, "steps")?);
        if self.logs.load(Ordering::Relaxed) || context.meta.log_level().is_some() {
            let begun = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!("begun"));
            // A client that is gone hears nothing.
            let _ = context.peer.notify_logging_message(begun).await;
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of steps")]
        let (step, total) = (|step: u64| step as f64, steps as f64);
        for done in 1..=steps {
            tokio::time::sleep(Duration::from_secs_f64(duration / total)).await;
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, step(done)).with_total(total);
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        let done = "Long running operation completed.";
        Ok(format!("{done} Duration: {duration} seconds, Steps: {steps}."))
    }
}

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let capabilities = json!({"tools": {}, "prompts": {}, "resources": {}, "logging": {}});
        let capabilities = from_value(capabilities).expect("capabilities");
        ServerConfig::new(capabilities).with_instructions("A part of the Everything Server.")
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        self.logs.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &str, properties: Value| {
            let names: Vec<&String> =
                properties.as_object().into_iter().flat_map(Map::keys).collect();
            let schema = json!({"type": "object", "properties": properties, "required": names});
            json!({"name": name, "inputSchema": schema})
        };
        let (word, number) = (json!({"type": "string"}), json!({"type": "number"}));
        result(json!({"tools": [
            tool("echo", json!({"message": word})),
            tool("trigger-long-running-operation", json!({"duration": number, "steps": number})),
            tool("get-resource-links", json!({"count": number})),
            tool("get-resource-reference", json!({"resourceType": word, "resourceId": number})),
        ]}))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let answer = match &*request.name {
            "echo" => vec![text(format!("Echo: {}", word(&arguments, "message")?))],
            "trigger-long-running-operation" => vec![text(self.work(&arguments, &context).await?)],
            "get-resource-links" => {
                let count = count(&arguments, "count")?;
                let said = text(format!("Here are {count} resource links"));
                std::iter::once(said).chain((1..=count).map(link)).collect()
            }
            "get-resource-reference" => {
                let id = count(&arguments, "resourceId")?;
                vec![embedded(word(&arguments, "resourceType")?, &id.to_string())]
            }
            other => return Err(invalid(format!("there is no tool {other}"))),
        };
        Ok(CallToolResponse::Complete(result(json!({"content": answer}))?))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompt = |name: &str, arguments: &[&str]| {
            let arguments = arguments.iter().map(|name| json!({"name": name, "required": true}));
            json!({"name": name, "arguments": arguments.collect::<Vec<_>>()})
        };
        result(json!({"prompts": [
            prompt("simple-prompt", &[]),
            prompt("args-prompt", &["city", "state"]),
            prompt("resource-prompt", &["resourceType", "resourceId"]),
        ]}))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = json!(request.arguments.unwrap_or_default());
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let content = match request.name.as_str() {
            "simple-prompt" => text("This is a simple prompt without arguments."),
            "args-prompt" => {
                let (city, state) = (word(&arguments, "city")?, word(&arguments, "state")?);
                text(format!("What's weather in {city}, {state}?"))
            }
            "resource-prompt" => {
                embedded(word(&arguments, "resourceType")?, word(&arguments, "resourceId")?)
            }
            other => return Err(invalid(format!("there is no prompt {other}"))),
        };
        let messages = json!({"messages": [{"role": "user", "content": content}]});
        Ok(GetPromptResponse::Complete(result(messages)?))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        result(json!({"resources": [{"uri": FEATURES, "name": "features"}]}))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = |kind: &str| {
            let template = format!("{DYNAMIC}/{kind}/{{resourceId}}");
            json!({"uriTemplate": template, "name": kind})
        };
        result(json!({"resourceTemplates": [template("text"), template("blob")]}))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = &request.uri;
        let dynamic = |kind: &str| uri.strip_prefix(&format!("{DYNAMIC}/{kind}/"));
        let content = if uri == FEATURES {
            json!({"uri": uri, "mimeType": "text/markdown", "text": "# Everything Server"})
        } else if let Some(id) = dynamic("text") {
            resource("Text", id)
        } else if let Some(id) = dynamic("blob") {
            resource("Blob", id)
        } else {
            return Err(ErrorData::resource_not_found(format!("there is no {uri}"), None));
        };
        Ok(ReadResourceResponse::Complete(result(json!({"contents": [content]}))?))
    }
}
