//! The core in a simulated world: whole exchanges, from the client's first byte to its last.
//!
//! [`world`] plays everything around the core. Its host cuts every body into random pieces and
//! orders answers at random, so each test here also says that neither matters.

mod world;

/// Names last listed to the client hold, whichever worker serves it (`on_conflict`, `never`).
mod announced_names;
/// Random bytes from clients and upstreams: no panic, and exactly one outcome.
mod any_bytes;
/// What clients are told of how to authenticate.
mod auth;
/// Who asks, where the gateway asks for that.
mod callers;
/// Calls by name: who receives them, and what changes on the way.
mod calls;
/// `notifications/cancelled` reaches those that work on the request.
mod cancellations;
/// Capabilities offered to clients and to upstreams, and that both are kept.
mod capabilities;
/// `completion/complete`: whose a prompt or a template is.
mod completion;
/// Every request and every side call is counted once.
mod counters;
/// What an operator is told of each request.
mod endings;
/// What an answer to `server/discover` shows of its upstream.
mod era_probes;
/// What changes in answers between the eras.
mod era_translation;
/// Responses a client could not use become JSON-RPC errors of the call; so do Envoy's own.
mod error_responses;
/// Ids that were never issued, and ids made up by an upstream.
mod forged_ids;
/// GET streams whose upstream has lost its session.
mod get_stream_recovery;
/// GET streams: the one of `listen`, and `Last-Event-ID`.
mod get_streams;
/// Request heads: what reaches an upstream, and what the gateway adds.
mod headers;
/// Results of the stateless era that are not complete, for clients that know no such results.
mod incomplete_results;
/// JSON responses: names of the upstream are rewritten, short or long.
mod json_responses;
/// Sessions that a worker keeps for clients that have none.
mod kept_sessions;
/// Large requests stream before they are complete.
mod large_requests;
/// Upstreams that join a session later, or never.
mod late_upstreams;
/// Which requests open a server of which something is known (`session.open: lazy`).
mod lazy_openings;
/// What is known of servers is told without asking them (`session.open: lazy`).
mod lazy_sessions;
/// Time is linear in the bytes, and depth does no harm.
mod linear_cost;
/// Lists served again (`catalog`): what is kept, for whom, until when.
mod list_cache;
/// A list kept for one client is never served to another.
mod list_cache_privacy;
/// Lists kept for one session: its alone, and gone with it.
mod list_cache_sessions;
/// Who is asked for which kind of list, by what upstreams can do.
mod list_capabilities;
/// `list_changed` of an upstream reaches all workers.
mod list_changed;
/// Items of lists: only the bytes of names change.
mod list_items;
/// Lists of every kind: complete, in order, byte by byte.
mod list_kinds;
/// Items that clients would reject a whole list for.
mod list_left_out;
/// `catalog.page`: lists answered as one page, and lists that do not advance.
mod list_one_page;
/// Lists read to their end for their names (`on_conflict`, `never`), and what bounds that.
mod list_pages;
/// One fan-out for all who ask for the same list at the same time.
mod list_single_flight;
/// `initialize` and lists: what is joined, in which order, and where pages end.
mod lists;
/// `logging/setLevel` reaches every upstream that logs.
mod log_level;
/// How servers say that they do not know a session, and what only sounds like it.
mod lost_session_words;
/// The gateway's memory budget and Envoy's buffer limit.
mod memory_limits;
/// What bounds merged streams.
mod merged_limits;
/// How merged streams outlive what upstreams and clients do.
mod merged_recovery;
/// GET streams of several upstreams, made one by a host that streams.
mod merged_streams;
/// `subscriptions/listen` of several upstreams, made one by a host that streams.
mod merged_subscriptions;
/// JSON that does not answer the client's request.
mod mismatched_responses;
/// Names and owners against a naive model.
mod naive_model;
/// `naming.prefix: on_conflict | never`, renamed, hidden and described tools.
mod naming_modes;
/// Calls by names whose owner has to be looked up in a list first.
mod owner_lookup;
/// Whatever was listed can be asked for, and reaches its owner only.
mod ownership;
/// Arguments that calls repeat in their head for upstreams of the stateless era.
mod param_headers;
/// What a server with sessions asks of a client without one, in a host that streams.
mod parked_calls;
/// What bounds calls that wait for their clients, and how they end.
mod parked_calls_ended;
/// Some upstreams fail: the rest is served, and the missing ones are named.
mod partial_failures;
/// Pinned tools, and what becomes of those that have changed.
mod pins;
/// What a server without sessions asks of a client with one, in a host that streams.
mod questions;
/// Clients cancel the calls in which they are asked.
mod questions_cancelled;
/// What bounds such questions, and what is left of them.
mod questions_ended;
/// What is refused, with status, code and id.
mod refusals;
/// Ids of requests: the client's come back as they were, the gateway's own differ.
mod request_ids;
/// Envoy gives up on a request while upstreams are being asked.
mod request_timeouts;
/// `resources/subscribe` outlives upstreams that lose the session.
mod resource_subscriptions;
/// Who may do what, and that nobody gets around it.
mod rules;
/// Requests of servers to the client, and the way of their answers.
mod server_requests;
/// How long a session id gets, and what is left out of it.
mod session_id_size;
/// Upstreams restart under a client that keeps its session.
mod session_recovery;
/// What is sent once more after an upstream has lost its session.
mod session_retry;
/// Session ids: which are valid, for how long, and what upstreams see of them.
mod sessions;
/// SSE responses: they stream through, and one that ends early says so.
mod sse_responses;
/// SSE responses whose events name things of the upstream.
mod sse_rewriting;
/// Clients of the stateless era (2026-07-28), before upstreams of both eras.
mod stateless;
/// Heads of requests of the stateless era, as owners get them.
mod stateless_heads;
/// Lists of clients of the stateless era.
mod stateless_lists;
/// `subscriptions/listen`: what changes at the upstream that is listened to.
mod subscriptions;
/// Tasks of 2025-11-25 with equal ids at several upstreams.
mod tasks;
/// The tasks extension of the stateless era.
mod tasks_extension;
/// The trace that a request is part of.
mod traces;
/// What an upstream speaks: found out, remembered, and asked again.
mod upstream_eras;
/// What the client reads of an upstream's refusal; 405 for a GET without a stream.
mod upstream_reasons;
/// Workers that have one memory.
mod workers_together;
