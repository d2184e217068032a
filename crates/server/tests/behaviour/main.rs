//! What the server does, seen from outside: a real server on real sockets, on both engines.
//!
//! SQLite always; PostgreSQL when `ROZMOWA_TEST_POSTGRES` is the address of one, as `make test` sets it.

mod agents;
mod api_users;
mod assign;
mod assign_random;
mod audit;
mod auth;
mod chats;
mod chats_random;
mod chats_times;
mod client;
mod connections;
mod conversation;
mod errors;
mod hooks;
mod hostile;
mod idempotency;
mod lifecycle;
mod matching;
mod matching_later;
mod pauses;
mod permissions;
mod presence;
mod program;
mod queue_agents;
mod receiver;
mod server;
mod slow_peers;
mod start;
mod store;
mod the_log;
mod tls;
mod webhook_addresses;
mod webhook_api;
mod webhook_bodies;
mod webhook_changes;
mod webhook_cost;
mod webhook_crash;
mod webhook_lanes;
mod webhook_retries;
mod webhook_secrets;
mod webhook_signatures;
mod webhooks;
mod wire_errors;
