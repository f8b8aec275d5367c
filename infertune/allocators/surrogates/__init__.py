"""The models that the search stands on: coordinates, Gaussian processes, candidates."""
