"""Tools: each is declared once, then implemented one file a system."""
