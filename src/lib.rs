//! Byline: a folder of articles becomes feeds, pages and letters that say where each piece first ran.
//!
//! The modules stand in rows, nouns below and verbs above; a module names only modules of lower
//! rows. `ARCHITECTURE.md` has the table and a walk through the code.

pub mod alert;
pub mod article;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod config;
pub mod daemon;
pub mod deliver;
pub mod delivery;
pub mod diagnostic;
pub mod dkim;
pub mod doctor;
pub mod durable;
pub mod feed;
pub mod language;
pub mod mailer;
pub mod message;
pub mod newsletter;
pub mod newsroom;
pub mod outbound;
pub mod ping;
pub mod publish;
pub mod sink;
pub mod site;
pub mod store;
pub mod subscribe;
pub mod subscriber;
pub mod template;
pub mod text;
pub mod watch;
pub mod web;
