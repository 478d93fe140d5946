//! What tests share: fakes of the ports, builders, the crash harness, pools on real copy-on-write
//! filesystems, real engines, a real S3-compatible server, receivers of credentials. For development only; nothing here is in the binary.

pub mod crash;
pub mod engines;
pub mod fake;
pub mod pool;
pub mod receivers;
pub mod s3;
