"""Parse, render, answer; no logic."""
