//! The words everybody uses. Nothing in this crate touches a disk, a clock or a network.
//!
//! The glossary, one line per noun:
//!
//! - **project**: what documents belong to; has an id, aliases and document roots ([`project`]).
//! - **root**: a folder whose documents a project owns; files are named by their path below it ([`path`]).
//! - **document**, **chunk**: a file and the passages it was cut into ([`document`]).
//! - **link**: what leads from one document to another, as it is written ([`link`]).
//! - **generation**: the counter that every committed change of the store moves by one ([`id`]).
//! - **refresh**: bringing a project's documents up to date; every file ends in one state ([`refresh`]).
//! - **query**, **hit**, **explanation**: a question, a ranked passage, and the arithmetic of its score ([`query`]).
//! - **fact**: what somebody recorded: project state, a memory, an interaction; every change can be reversed ([`fact`]).
//! - **excerpt**: lines of a document, as they are read when somebody wants the text itself ([`excerpt`]).
//! - **pack**: what an agent is given for a prompt, in order of trust and within a budget ([`pack`]).
//! - **snapshot**: one recovery point on disk, named by its UTC stamp ([`id`], [`snapshot`]).
//! - **normal form**: what text is brought to before words or names are compared ([`text`]).
//! - **monitor**: how long work reports progress and learns that it should stop ([`monitor`]).

pub mod digest;
pub mod document;
pub mod error;
pub mod excerpt;
pub mod fact;
pub mod fit;
pub mod id;
pub mod json;
pub mod link;
pub mod monitor;
pub mod name;
pub mod nearest;
pub mod pack;
pub mod path;
pub mod pattern;
pub mod project;
pub mod query;
pub mod ranking;
pub mod refresh;
pub mod snapshot;
pub mod text;
pub mod time;
