"""From an order to its evidence: requests, scores and tokens, paid from one account."""
