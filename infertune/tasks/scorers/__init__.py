"""Scorers: an answer and its reference to a score in [0, 1]."""
