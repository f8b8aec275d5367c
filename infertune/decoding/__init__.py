"""How the next token is drawn: keyed Gumbel noise and warpers; how a text is cut as if it were shorter."""
