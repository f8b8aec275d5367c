"""How the next token is drawn: keyed Gumbel noise and the warpers of the request tier, vectorised over rows."""
