//! Control over machines in memory: use-cases, reconcilers, and every workflow through the crash harness.

mod binlogs;
mod branches;
mod crash;
mod drills;
mod keyspaces;
mod memory;
mod off_site;
mod once;
mod passwords;
mod planning;
mod planning_crash;
mod policies;
mod quota;
mod receivers;
mod rest;
mod rotation;
mod running;
mod seed_rules;
mod setup;
mod shadows;
mod sizes;
mod telling;
mod templates;
mod tokens;
mod webhook_crash;
mod webhooks;
