"""A small real shop, broken on purpose: its processes, its load, its faults and how an incident is recorded."""
