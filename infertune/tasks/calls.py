"""The task of a study of a Python function: a prompt names the example of a call, and the answer is the score."""

from infertune.tasks.definition import Definition
from infertune.tasks.prompts import Template
from infertune.tasks.task import Task
from infertune.types import Example

CALL = "call"
"""Name of the one prompt."""

MOST_COST = 10**9
"""Of one call."""


def calls_task(name: str, *, tune: tuple[Example, ...], confirm: tuple[Example, ...]) -> Task:
    """Return the task; of an example only ``id`` is rendered."""
    template = Template(name=CALL, kind="plain", text="{id}")
    return Task(
        name=name,
        version=1,
        description="",
        source="",
        licence="",
        tune=tune,
        confirm=confirm,
        prompts={CALL: template},
        max_tokens_choices=(MOST_COST,),
        stop=(),
        extractors={"score": lambda text, example=None: text},
        scorer=ScoreItself(),
        definition=Definition(
            name="function",
            version=1,
            fields={"id": "id"},
            reference="id",
            prompts=(template,),
            max_tokens=MOST_COST,
            extraction=(),
            scorer="exact",
        ),
        ideals={},
        places={},
        left_out=(),
        notes=(),
    )


class ScoreItself:
    """The scorer of what a function returned."""

    def normal_form(self, answer: str) -> str:
        """Return the answer."""
        return answer

    def ideal(self, reference: str) -> None:
        """Nothing is known of what a function should return."""

    def score(self, answer: str, example: Example) -> float:
        """Return the number that the answer is."""
        return float(answer)
