"""Settings that all services of the shop share; a deploy ships them with the code."""

# Connections that a service keeps open to its store. A request that finds none free waits, then gives up.
DB_POOL_SIZE = 24
PRICING_DB_POOL_SIZE = 12
CATALOG_DB_POOL_SIZE = 4
FEATURES_DB_POOL_SIZE = 8
DB_POOL_TIMEOUT_SECONDS = 1.5
DB_LOCK_TIMEOUT_SECONDS = 1.5
# What a statement costs in the store: its way there and back, and a slice for so many steps of its plan.
DB_ROUND_TRIP_SECONDS = 0.033
DB_STEPS_PER_SLICE = 10_000
DB_SLICE_SECONDS = 0.02

# How long a product text may be served from the cache, and how many entries the cache holds.
CACHE_TTL_SECONDS = 300
CACHE_MAX_ENTRIES = 5000

# A caller waits longer than its callee, so that the callee's own answer is the one that is seen.
CALL_TIMEOUT_SECONDS = 2.5
CACHE_TIMEOUT_SECONDS = 0.5
PAGE_TIMEOUT_SECONDS = 4.0
CHECKOUT_TIMEOUT_SECONDS = 5.0

# The parcel carrier's booking desk, and the mail relay.
CARRIER_ROUND_TRIP_SECONDS = 0.17
RELAY_ROUND_TRIP_SECONDS = 0.04
LABEL_LOCK_TIMEOUT_SECONDS = 2.0

# Orders are confirmed in order, so many at a time; what is not acknowledged in time is delivered again.
ORDER_BATCH = 4
TAKE_WAIT_SECONDS = 1.0
VISIBILITY_SECONDS = 1.5

RECOMPUTATIONS_AT_ONCE = 8
MODEL_VERSION = "v1"
MODEL_WINDOW_REQUESTS = 120
MODEL_FIRST_REQUESTS = 60

# Services that are reached by TLS.
TLS_SERVICES = ("shipping",)

OUT_OF_MEMORY_LIMIT = 3
SLOW_WAIT_SECONDS = 0.5
LOG_BODY_CHARACTERS = 2000
