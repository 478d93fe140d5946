//! The store on a real SQLite file.

mod archive;
mod automations;
mod binlogs;
mod commit;
mod drills;
mod integrity;
mod key;
mod leases;
mod policies;
mod seed_rules;
mod setup;
mod shadows;
mod webhooks;
