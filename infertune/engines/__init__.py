"""Engines answer requests: `hf` in this process, `vllm` and `openai` through a server, `replay` from a bank."""

import os

# OpenMP threads that wait by spinning take the cores from each other when anything else runs on the machine, which
# makes two threads on two busy cores several times slower than one. Read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
