//! The offshoot command tree.
