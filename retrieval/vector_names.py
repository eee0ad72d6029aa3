"""Names of the two vectors of every point of the index."""

DENSE, SPARSE = "meaning", "words"
