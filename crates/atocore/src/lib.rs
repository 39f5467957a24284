//! The interfaces of AtoCore: command line, HTTP and MCP over one engine.

pub mod app;
pub mod cli;
pub mod config;
mod demo;
pub mod engine;
pub mod following;
pub mod http;
pub mod jobs;
pub mod logging;
mod mcp;
pub mod metrics;
mod models;
pub mod operations;
mod packs;
pub mod remote;
pub mod runner;
pub mod serve;
mod tasks;
