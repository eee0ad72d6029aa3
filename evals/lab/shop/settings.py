"""Settings that all services of the shop share; a deploy ships them with the code."""

# Connections that a service keeps open to its store. A request that finds none free waits, then gives up.
DB_POOL_SIZE = 24
PRICING_DB_POOL_SIZE = 12
DB_POOL_TIMEOUT_SECONDS = 1.5
DB_ROUND_TRIP_SECONDS = 0.033

# A caller waits longer than its callee, so that the callee's own answer is the one that is seen.
CALL_TIMEOUT_SECONDS = 2.5
CHECKOUT_TIMEOUT_SECONDS = 5.0

SLOW_WAIT_SECONDS = 0.5
LOG_BODY_CHARACTERS = 2000
