"""Numbers in, findings out: pure functions over telemetry, with no input or output, no model and no clock."""
