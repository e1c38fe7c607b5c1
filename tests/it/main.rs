//! Byline through its front door: the program, HTTP, or a chore's one look; never a mock of our own.

#![allow(clippy::needless_pass_by_value)]

mod articles;
mod check;
mod command_line;
mod delivery;
mod feed_rules;
mod feed_serving;
mod feeds;
mod hub;
mod layers;
mod newsletters;
mod publishing;
mod readers;
mod regression;
mod serving;
mod storms;
mod support;
mod watching;
