"""Questions in words: understood as one of a closed set, answered from the typed tools and from what was concluded."""
