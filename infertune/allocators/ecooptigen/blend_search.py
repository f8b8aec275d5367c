"""FLAML's BlendSearch over some parameters of a space, one proposal at a time.

Wang, Wu, Huang and Saied 2021, "Economical Hyperparameter Optimization with Blended Search Strategy", ICLR: a global
search (Optuna's TPE) opens local ones (FLOW2) from its good points, and the next proposal is that of the search which
promises most per cost. What FLAML needs to be installed for, and all that is known of it, is in this file.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from infertune.errors import DataUnavailableError
from infertune.space import Parameter
from infertune.types import Scalar

SEED = 20  # FLAML's own; that of a study is added to it


class BlendSearch:
    """Proposes values of the parameters to maximise a utility, and is told of each before the next.

    Args:
        parameters: Those with more than one value; without any it proposes nothing again and again.
        seed: Of the study.

    Raises:
        DataUnavailableError: FLAML is not installed.
    """

    def __init__(self, parameters: Sequence[Parameter], seed: int) -> None:
        import optuna

        search, domains = flaml()
        space = {parameter.name: _domain(domains, parameter) for parameter in parameters}
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # it announces every study
        own = (SEED + seed) % 2**31
        with _patience():
            self._search = search(metric="utility", mode="max", space=space, cost_attr="cost", seed=own)
        optuna.logging.set_verbosity(verbosity)
        self._parameters = tuple(parameters)
        self._n_asked = 0
        self._proposed: dict[str, Any] = {}

    def propose(self) -> dict[str, Scalar] | None:
        """Return a value for each parameter, to be rounded to one of its own; None where it found nothing new."""
        if not self._parameters:
            return {}
        self._n_asked += 1
        with _patience():
            proposed = self._search.suggest(str(self._n_asked))
        if proposed is None:
            return None
        self._proposed = proposed
        return {name: value.item() if hasattr(value, "item") else value for name, value in proposed.items()}

    def tell(self, *, utility: float, cost: float) -> None:
        """Give the outcome of the last proposal; minus infinity is a utility too."""
        if self._parameters:
            outcome = {"config": self._proposed, "utility": utility, "cost": cost}
            self._search.on_trial_complete(str(self._n_asked), outcome)


def flaml() -> tuple[Any, Any]:
    """Import FLAML, which takes seconds, and return its BlendSearch and the module of its domains.

    Raises:
        DataUnavailableError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that other parts of it are missing
            from flaml import BlendSearch as Search
            from flaml import tune
    except ImportError as error:
        raise DataUnavailableError(
            f"`search` ecooptigen needs FLAML: pip install 'infertune[flaml]' ({error})"
        ) from None
    # It warns where a global proposal was made by chance instead, which is part of the method.
    logging.getLogger("flaml.tune.searcher").setLevel(logging.ERROR)
    return Search, tune


@contextmanager
def _patience() -> Iterator[None]:
    """Drop FLAML's warning that the space took over a second to read: it is the machine that was busy."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Define-by-run function")
        yield


def _domain(domains: Any, parameter: Parameter) -> Any:
    """Return FLAML's domain of a parameter: a list of numbers is in order there, one of texts is not."""
    if parameter.kind == "choice":
        return domains.choice(list(parameter.choices))
    low, high = parameter.low, parameter.high
    assert low is not None and high is not None
    if parameter.kind == "int":
        if parameter.log:
            return domains.lograndint(int(low), int(high) + 1)
        return domains.qrandint(int(low), int(high), int(parameter.step or 1))
    if parameter.step is not None:
        return domains.quniform(low, high, parameter.step)
    return domains.loguniform(low, high) if parameter.log else domains.uniform(low, high)
