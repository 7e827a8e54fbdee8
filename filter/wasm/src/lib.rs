//! mcp-mux as an Envoy proxy-wasm filter: Envoy's callbacks become events of the core, the core's
//! effects become host calls. Nothing here knows MCP.

mod claim;
mod envoy;
mod header_map;
mod host;
mod metrics;
mod plugin;
mod shared;
mod stream;

mod entry {
    //! What Envoy calls first.

    use proxy_wasm::traits::RootContext;
    use proxy_wasm::types::LogLevel;

    use crate::plugin::Plugin;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(LogLevel::Info);
        proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Plugin::default()) });
    }}
}
