//! MySQL packets and authentication as values; no I/O.
