"""Finds out by effect what an endpoint honours, before anything is asked of it in earnest."""
