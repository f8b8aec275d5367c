"""Which cases are left out: each question is asked once, has one answer, and is shown by no prompt."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from infertune.tasks.examples import Case
from infertune.tasks.prompts import Template, as_text
from infertune.types import Prompt

_N_NAMED = 3  # of those left out for one reason


def asked(fields: Mapping[str, Prompt]) -> object:
    """Return what two examples that ask the same have in common, whatever their case and spacing."""
    return frozenset((name, " ".join(as_text(value).lower().split())) for name, value in fields.items())


def once(cases: Sequence[Case], templates: Iterable[Template]) -> tuple[list[Case], list[str]]:
    """Return the cases that stay, and a sentence for each reason why some do not."""
    shown = {asked(values): template.name for template in templates for values, _ in template.shots}
    by_question: dict[object, list[Case]] = defaultdict(list)
    for case in cases:
        by_question[asked(case.example.fields)].append(case)
    kept, shots, repeated, contradicting = [], [], [], []
    for question, same in by_question.items():
        if question in shown:
            shots += [f"{case.where} ({shown[question]})" for case in same]
        elif len({case.answer for case in same}) > 1:
            more = f" and {len(same) - 2} more" if len(same) > 2 else ""
            contradicting.append((f"{same[0].where} and {same[1].where}{more}", len(same)))
        else:
            kept.append(same[0])
            repeated += [f"{case.where} repeats {same[0].where}" for case in same[1:]]
    notes = [
        *left_out("few-shot examples of a prompt", shots),
        *left_out("a repeated question", repeated),
        *left_out(
            "the same question with different answers",
            [where for where, _ in contradicting],
            n=sum(number for _, number in contradicting),
        ),
    ]
    return kept, notes


def apart(tune: Sequence[Case], confirm: Sequence[Case]) -> tuple[list[Case], list[str]]:
    """Return the cases of ``tune`` that ask nothing that ``confirm`` asks, and a sentence about the others."""
    questions = {asked(case.example.fields): case.where for case in confirm}
    kept = [case for case in tune if asked(case.example.fields) not in questions]
    leaving = [case for case in tune if asked(case.example.fields) in questions]
    named = [f"{case.where} asks what {questions[asked(case.example.fields)]} asks" for case in leaving]
    return kept, left_out("a question of 'tune' that 'confirm' asks too", named)


def left_out(why: str, named: Sequence[str], *, n: int | None = None) -> list[str]:
    """Return a sentence about what is left out, or none where nothing is."""
    if not named:
        return []
    n = len(named) if n is None else n
    more = f", and {len(named) - _N_NAMED} more" if len(named) > _N_NAMED else ""
    return [f"{n} {'row' if n == 1 else 'rows'} left out, {why}: {'; '.join(named[:_N_NAMED])}{more}"]
