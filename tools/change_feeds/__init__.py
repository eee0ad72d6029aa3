"""Where changes come from, one file a feed; ``tools.changes`` merges them."""
