"""What may be done about a cause: what an action is, and one file a system that can be acted on."""
