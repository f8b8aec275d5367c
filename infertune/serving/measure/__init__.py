"""What one server is worth: pressed in bursts, each paid for once."""
