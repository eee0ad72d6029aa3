"""The room behind the Slack door: what is heard, what is kept of it, and how it is answered."""
