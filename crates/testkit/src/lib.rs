//! Fakes, builders, crash harness, real-engine fixtures (development only).
