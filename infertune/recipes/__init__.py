"""The answer as a file: written, read and deployed."""
