"""The sample bank: every sample that was paid for, keyed by all that shaped it, in one database."""

from infertune.bank.sample_bank import SampleBank

__all__ = ["SampleBank"]
