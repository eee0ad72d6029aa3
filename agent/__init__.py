"""The machine: an alert goes in, a checked root-cause report comes out."""

import os

# LangGraph reads this when it is first imported: checkpoints may then revive only the types that the state names,
# so a tampered row cannot run code.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
