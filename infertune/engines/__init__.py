"""Engines answer requests: ``hf`` in this process, others through a server. All pass `infertune.testing`'s contract."""
