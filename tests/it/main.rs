//! Byline through its front door: the program, HTTP, or a chore's one look; never a mock of our own.

#![allow(clippy::needless_pass_by_value)]

mod articles;
mod check;
mod command_line;
mod crashes;
mod delivery;
mod doctor;
mod endurance;
mod feed_more;
mod feed_rules;
mod feed_serving;
mod feeds;
mod hub;
mod hub_limits;
mod layers;
mod letter_rules;
mod letter_storms;
mod letter_trust;
mod newsletters;
mod pathological;
mod publishing;
mod readers;
mod regression;
mod safety;
mod serving;
mod slow_clients;
mod steering;
mod storms;
mod support;
mod templates;
mod tls;
mod troubles;
mod watching;
