"""The front door: what can be asked from Python, and what comes back. The command line stands on it."""
