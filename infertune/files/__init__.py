"""Reading and writing: text, YAML, rows of JSON, and the shipped tasks and prompts."""
