"""What must hold against whoever writes a log line: injections, forgeries, secrets, queries of death, each counted."""
