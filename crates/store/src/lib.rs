//! Offshoot's metadata: the only crate with SQL of ours.
