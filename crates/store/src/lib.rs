//! Offshoot's metadata: the only crate with SQL of ours.

/// The metadata store. Cheap to clone.
#[derive(Clone)]
pub struct Store(());
