"""The models that a search stands on: coordinates of a space, Gaussian processes, candidates."""
