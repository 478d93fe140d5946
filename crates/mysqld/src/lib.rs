//! Engines: find, install, data directories, processes, admin sessions, introspection.
