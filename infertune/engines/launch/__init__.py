"""Launchers: they know the settings of one kind of engine, and start it with some of them."""
