"""What is kept: every sample that was paid for, by all that shaped it, in one database."""

from infertune.bank.sample_bank import SampleBank

__all__ = ["SampleBank"]
