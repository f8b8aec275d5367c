"""One study: pilot, search, finals and confirmation, over a journal from which it resumes at any point."""

from infertune.study.study import Study

__all__ = ["Study"]
