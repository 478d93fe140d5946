//! Every tool: bodies of the shape that it sends, signed by code of ours, verified and read; its API polled
//! against scripted answers.

mod asana;
mod azure_devops;
mod clickup;
mod convergence;
mod description;
mod fixture;
mod generic;
mod github;
mod gitlab;
mod jira;
mod linear;
mod monday;
mod note;
mod openproject;
mod poll;
mod redmine;
mod shortcut;
mod taiga;
mod trello;
mod verify;
mod youtrack;
