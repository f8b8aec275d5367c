"""What one side may ask of an object of the other's, by name: Python's operators and protocols, and a few more."""

from __future__ import annotations

import _operator as operator  # without the module around it, which takes long to load
import math

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

ARITHMETIC = {
    "__add__": operator.add,
    "__sub__": operator.sub,
    "__mul__": operator.mul,
    "__matmul__": operator.matmul,
    "__truediv__": operator.truediv,
    "__floordiv__": operator.floordiv,
    "__mod__": operator.mod,
    "__divmod__": divmod,
    "__pow__": pow,
    "__lshift__": operator.lshift,
    "__rshift__": operator.rshift,
    "__and__": operator.and_,
    "__xor__": operator.xor,
    "__or__": operator.or_,
}
REFLECTED = {f"__r{name[2:]}": name for name in ARITHMETIC}
IN_PLACE = {
    f"__i{name[2:]}": getattr(operator, f"__i{name[2:]}") for name in ARITHMETIC if hasattr(operator, f"__i{name[2:]}")
}
ORDER = {"__lt__": operator.lt, "__le__": operator.le, "__gt__": operator.gt, "__ge__": operator.ge}
EQUALITY = {"__eq__": operator.eq, "__ne__": operator.ne}
AS_NUMBER = {
    "__neg__": operator.neg,
    "__pos__": operator.pos,
    "__invert__": operator.invert,
    "__abs__": abs,
    "__round__": round,
    "__trunc__": math.trunc,
    "__floor__": math.floor,
    "__ceil__": math.ceil,
    "__int__": int,
    "__float__": float,
    "__complex__": complex,
    "__index__": operator.index,
    "__bool__": bool,
    "__len__": len,
}
PROTOCOLS: dict[str, Callable[..., object]] = {
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__contains__": operator.contains,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__enter__": lambda one: type(one).__enter__(one),
    "__exit__": lambda one, *about: type(one).__exit__(one, *about),
    "__bytes__": bytes,
    "__call__": lambda one, *args, **kwargs: one(*args, **kwargs),
}
ALWAYS: dict[str, Callable[..., object]] = {
    "__str__": str,
    "__repr__": repr,
    "__format__": format,
    "__hash__": hash,
    "__dir__": dir,
}
ASKED: dict[str, Callable[..., object]] = {
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "make": lambda kind, *args, **kwargs: kind(*args, **kwargs),  # and keep what it makes, plain or not
    "member": getattr,  # of a class, and keep it
    "item": operator.getitem,  # likewise
    "isinstance": isinstance,
    "issubclass": issubclass,
    "copy": lambda one: __import__("copy").copy(one),
    "deepcopy": lambda one: __import__("copy").deepcopy(one),
    "await": lambda one: __import__("asyncio").run(one),
    "held": lambda one: one,  # the plain value in an instance of a subclass
}
KEEP = ("make", "member", "item")
# What a class of the other side's has only where its original has it.
SPECIAL = (*ARITHMETIC, *REFLECTED, *IN_PLACE, *ORDER, *AS_NUMBER, *PROTOCOLS)
OPERATIONS = {**ARITHMETIC, **IN_PLACE, **ORDER, **EQUALITY, **AS_NUMBER, **PROTOCOLS, **ALWAYS, **ASKED}
