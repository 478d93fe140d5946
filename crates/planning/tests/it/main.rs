//! Every tool: bodies of the shape that it sends, signed by code of ours, verified and read; its API polled
//! against scripted answers.

mod convergence;
mod description;
mod fixture;
mod generic;
mod github;
mod poll;
mod verify;
