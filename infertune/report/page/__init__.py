"""A study as one HTML page that explains itself: the data, the page, and both in one file."""
