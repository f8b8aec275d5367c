"""The loop and its journal: pilot, search, finals, confirmation, resumed at any point."""

from infertune.study.study import Study

__all__ = ["Study"]
