"""Decoding and engine settings together: decoding inside, engine settings outside, the utility guarded."""
