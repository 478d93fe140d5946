//! Pools and copy-on-write drivers.
