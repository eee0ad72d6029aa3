"""Runbooks: found by what was diagnosed, quoted with their place."""
