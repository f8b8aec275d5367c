"""Engines answer requests: ``hf`` in this process, others through a server. `infertune.testing` has their contract."""

import os

# OpenMP threads that wait by spinning take the cores from each other when anything else runs on the machine, which
# makes two threads on two busy cores several times slower than one. Read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
