"""Extraction and scoring with a memory."""

from infertune.tasks import Task
from infertune.types import Example


class CachedScorer:
    """A task's extraction and scoring with a memory: the same text and answer recur in every replay choice."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._answers: dict[tuple[str, str, str], str | None] = {}
        self._scores: dict[tuple[str, str], float] = {}

    def answer(self, text: str, extractor: str, example: Example) -> str | None:
        """Return the answer to the example that the named extractor finds in the text."""
        key = (extractor, example.id, text)
        if key not in self._answers:
            self._answers[key] = self.task.extractors[extractor](text, example)
        return self._answers[key]

    def score(self, answer: str | None, example: Example) -> float:
        """Return the answer's score in [0, 1]; no answer scores 0."""
        if answer is None:
            return 0.0
        key = (example.id, answer)
        if key not in self._scores:
            self._scores[key] = self.task.score(answer, example)
        return self._scores[key]
