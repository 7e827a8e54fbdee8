//! Every promise of the gateway, held against the real Envoy. One module for each subject.

mod bad_messages;
mod call;
mod call_failures;
mod call_stream;
mod configuration;
mod documents;
mod http_rules;
mod initialize;
mod inspector;
mod list;
mod list_failures;
mod list_pages;
mod list_sse;
mod mcpdo;
mod observability;
mod other_paths;
mod real;
mod recovery;
mod session;
mod smoke;
mod soak;
mod upstream_requests;
