//! Integration tests of the workspace and of the binary: one test binary.

mod access;
mod boundaries;
mod crash;
mod data;
mod data_crash;
mod doctor;
mod drills;
mod exact;
mod fixture;
mod full;
mod guide;
mod handover;
mod https;
mod import;
mod inspect;
mod limits;
mod masking;
mod moments;
mod passwords;
mod pooled;
mod pools;
mod project;
mod refusals;
mod sleep;
mod story;
mod writer;
