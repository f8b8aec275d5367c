"""Finds out by effect which settings an endpoint honours, before a study relies on them."""
