"""Which settings to try, how long, and which of them to recommend."""
