"""How every live system is talked to: one connection, one guard, one adapter below each client library."""
