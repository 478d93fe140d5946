//! Accept, authenticate, route, wake, pump.
