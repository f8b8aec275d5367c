"""What is read and written: text, YAML, JSON rows, shipped data."""
