"""What all engines at an endpoint share: its capabilities, its key."""
