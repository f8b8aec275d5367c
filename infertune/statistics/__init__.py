"""How sure: intervals, paired differences, confidence sequences, non-inferiority."""
