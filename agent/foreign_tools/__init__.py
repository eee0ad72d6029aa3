"""Tools of other MCP servers: named in the settings, each with its own risk, asked through the same toolbelt as ours."""
