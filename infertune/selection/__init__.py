"""From evidence to a recommendation: the front, the choice, its verdict and its regret bound."""
