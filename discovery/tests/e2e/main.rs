//! A scripted API server, the real program, the real Envoy with the real filter, scripted MCP servers.

mod api;
mod chaos;
mod gateway;
mod joining;
mod objects;
mod script;
mod store;
mod stream;
mod watching;
mod world;
