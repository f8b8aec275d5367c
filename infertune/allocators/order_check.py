"""Whether an order can be bought: allocators come from other packages too, and their mistakes are told as such."""

from infertune.allocators import Offer
from infertune.errors import InvalidInputError
from infertune.types.evidence import Order


def check_order(order: Order, offer: Offer, *, who: str) -> None:
    """Raise InvalidInputError, with one sentence about what is wrong, unless the order is within the offer.

    Args:
        order: As an allocator gave it.
        offer: As it was given to the allocator.
        who: The allocator, for the message.
    """
    begin = f"the allocator {who} gave an order that cannot be bought:"
    outside = [example for example in order.examples if not 0 <= example < offer.n_examples]
    if not order.examples or outside:
        found = f"{outside[0]}" if outside else "none"
        raise InvalidInputError(
            f"{begin} its examples must lie between 0 and {offer.n_examples - 1}, but found {found}"
        )
    if len(set(order.examples)) < len(order.examples):
        raise InvalidInputError(f"{begin} each example must be named once, but found {list(order.examples)}")
    if not 1 <= order.n_samples <= max(offer.n_choices):
        raise InvalidInputError(
            f"{begin} n_samples must lie between 1 and {max(offer.n_choices)}, but is {order.n_samples}"
        )
    if order.max_tokens is not None and order.max_tokens < 1:
        raise InvalidInputError(f"{begin} max_tokens must be None or at least 1, but is {order.max_tokens}")
    try:
        offer.space.tier("request").validate(order.configuration)
    except InvalidInputError as error:
        raise InvalidInputError(f"{begin} {error}") from None
    if offer.configurations and order.configuration not in offer.configurations:
        raise InvalidInputError(
            f"{begin} {dict(order.configuration)} is none of the {len(offer.configurations)} offered"
        )
