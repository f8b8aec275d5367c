"""The front, the choice, the regret bound and the verdict."""
