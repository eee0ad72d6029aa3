"""One file a stage, named as in the graph."""
