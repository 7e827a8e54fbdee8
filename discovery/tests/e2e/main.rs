//! A scripted API server, the real program, the real Envoy with the real filter, scripted MCP servers.

mod api;
mod joining;
mod objects;
mod store;
mod watching;
mod world;
