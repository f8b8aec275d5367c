"""Studies of a database, read again without a model or a server: what they found, what fails, how two compare."""

from infertune.archive.stored_study import StoredStudy

__all__ = ["StoredStudy"]
