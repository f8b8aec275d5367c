"""An order in, its evidence out, everything paid for in one account."""
