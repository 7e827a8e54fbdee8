//! Every promise of the gateway, held against the real Envoy. One module for each subject.

mod bad_messages;
mod call;
mod call_failures;
mod call_stream;
mod configuration;
mod conformance;
mod documents;
mod http_rules;
mod initialize;
mod inspector;
mod list;
mod list_failures;
mod list_pages;
mod list_sse;
mod observability;
mod other_paths;
mod prompts;
mod real;
mod recovery;
mod resources;
mod restarts;
mod server_requests;
mod session;
mod smoke;
mod soak;
mod upstream_requests;
