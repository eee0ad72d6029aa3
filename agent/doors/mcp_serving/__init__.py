"""The door for other agents: what it offers, how it answers, how it is reached."""
