"""The answer as a YAML file: written, read again, and with what it takes to run it."""
