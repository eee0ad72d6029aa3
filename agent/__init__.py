"""The machine: an alert goes in, a checked root-cause report comes out."""

import os
import sys

# LangGraph reads this when it is first imported: checkpoints may then revive only the types that the state names,
# so a tampered row cannot run code.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

# A shell that traces another program to LangSmith would have every state and prompt of ours sent there, unmasked.
# LangSmith takes the first of the four that is not empty, and remembers what it has read.
if os.environ.get("PCAUSE_ALLOW_LANGSMITH") != "1":
    for name in ("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING"):
        os.environ[name] = "false"
    if "langsmith.utils" in sys.modules:
        sys.modules["langsmith.utils"].get_env_var.cache_clear()
