"""Doubles at the edge: models that a script plays, a target that can be acted on, secrets made up. They speak the real protocols."""
