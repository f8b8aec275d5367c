"""The families of synthetic models, and the cost caps under which each is searched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infertune.testing.graded_model import GradedModel
from infertune.testing.labels_model import LabelsModel
from infertune.testing.softmax_model import SoftmaxModel
from infertune.testing.synthetic import Synthetic
from infertune.testing.synthetic_model import SyntheticModel


@dataclass(frozen=True, kw_only=True)
class SyntheticFamily:
    """Synthetic models of one make.

    Attributes:
        model: That of a seed; takes ``common_luck`` too.
        caps: Most tokens that a request may cost on average, of which None is no limit.
        relative: Whether caps are multiples of what the default configuration costs, and not tokens.
    """

    model: Callable[..., Synthetic]
    caps: tuple[float | None, ...]
    relative: bool = True

    def cap_tokens(self, model: Synthetic, cap: float | None) -> float | None:
        """Return one of the caps in tokens."""
        if cap is None or not self.relative:
            return cap
        default = model.space.default_configuration()
        truth = model.truth(model.space.tier("request").default_configuration())
        at = truth.choices.index(type(default)({name: default[name] for name in truth.choices[0]}))
        return round(cap * float(truth.cost_tokens[at]), 1)


SYNTHETIC: Mapping[str, SyntheticFamily] = {
    "synthetic": SyntheticFamily(model=SyntheticModel, caps=(150.0, 600.0, None), relative=False),
    "softmax": SyntheticFamily(model=SoftmaxModel, caps=(None, 2.0)),
    "graded": SyntheticFamily(model=GradedModel, caps=(1.0, 3.0)),
    "labels": SyntheticFamily(model=LabelsModel, caps=(None, 1.0)),
}
