"""What a format cannot say of an answer, each in a sentence."""

from infertune.engines.openai.dialects import dialect
from infertune.exports.answer import Asking


def about_requests(asked: Asking) -> tuple[str, ...]:
    """Return what a file that asks one request leaves to do."""
    return (*about_votes(asked), *about_conversations(asked), *about_order(asked, asked.server))


def about_votes(asked: Asking) -> list[str]:
    """Return what a plain request leaves to do; nothing where one sample is the answer."""
    if asked.n == 1:
        return []
    how = {"majority": "the most frequent answer among them", "best_of_n": "the likeliest of them"}
    chosen = how.get(asked.voter, f"what the voter '{asked.voter}' chooses")
    return [f"A request brings n = {asked.n} texts; the answer is {chosen}: `infertune export --as python` has that."]


def about_conversations(asked: Asking) -> list[str]:
    """Return what fields of the study cannot be here."""
    return [
        f"The field '{name}' was a conversation in the study; here it is one text, its last turn: earlier turns go "
        "before the last message."
        for name in asked.conversations
    ]


def about_order(asked: Asking, server: str) -> list[str]:
    """Return in which order the settings acted, where a kind of server has another, which gives other texts."""
    if not asked.warpers or not dialect(server).warpers:
        return []
    then, there = (
        [name for name in order.split(",") if name in asked.effective and name != "repetition_penalty"]
        for order in (asked.warpers, dialect(server).warpers)
    )
    if then == there:
        return []
    return [f"The settings acted in the order {', '.join(then)}; {server} has the order {', '.join(there)}."]
