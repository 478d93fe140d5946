//! Engines: finding, installing, initialising.

mod catalog;
mod initialize;
mod install;
