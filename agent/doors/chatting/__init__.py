"""The conversation in a terminal: reading lines, drawing answers, following runs, deciding about what waits."""
