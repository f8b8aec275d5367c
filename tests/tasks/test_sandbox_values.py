"""What the tests of a task may do with a program that they share nothing with: nearly all that they usually do."""

import pytest

from infertune.tasks.sandbox import run

PROGRAM = """
from __future__ import annotations
import math
from collections import namedtuple, Counter, defaultdict, deque, OrderedDict
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import wraps
from contextlib import contextmanager
class MyError(ValueError):
    def __init__(self, message, code=3):
        super().__init__(message); self.code = code
class Sub(MyError): pass
def boom(): raise MyError("bad", 7)
def boom2(): raise Sub("worse")
def kinds(): return [None, True, 2**200, -5, 1.5, float("inf"), 1j, "é\\udc80", b"x", bytearray(b"y"), (1,), {1}]
def more(): return [frozenset({2}), {"a": [1]}, range(3), {(1, "a"): {2}}, [[], ()]]
def sort_in_place(xs): xs.sort()
def ident(x): return x
def apply(f, *a, **k): return f(*a, **k)
def gen(n):
    for i in range(n): yield i * i
class Stack:
    total = 0
    def __init__(self): self.items = []; Stack.total += 1
    def push(self, x): self.items.append(x); return self
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __setitem__(self, i, v): self.items[i] = v
    def __contains__(self, x): return x in self.items
    def __repr__(self): return f"Stack({self.items})"
    def __enter__(self): return self
    def __exit__(self, *a): self.closed = True; return a[0] is KeyError
    @property
    def top(self): return self.items[-1]
    @classmethod
    def of(cls, *xs):
        s = cls()
        for x in xs: s.push(x)
        return s
    @staticmethod
    def twice(x): return 2 * x
@dataclass(order=True, frozen=True)
class V:
    x: float
    y: float
    def __add__(self, o): return V(self.x + o.x, self.y + o.y)
    def __mul__(self, k):
        return self.x * k.x + self.y * k.y if isinstance(k, V) else V(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __abs__(self): return math.hypot(self.x, self.y)
    def __neg__(self): return V(-self.x, -self.y)
    def __bool__(self): return bool(self.x or self.y)
P = namedtuple("P", "x y")
def point(): return P(1, 2)
def px(p): return p.x
class Color(Enum): RED = 1; BLUE = 2
class Num(IntEnum): ONE = 1
class S(str, Enum): A = "a"
def is_red(c): return c is Color.RED
def is_a(s): return s is S.A
def words(s): return Counter(s.split())
class L(list):
    def first(self): return self[0]
def memo(f):
    cache = {}
    @wraps(f)
    def inner(*a):
        if a not in cache: cache[a] = f(*a)
        return cache[a]
    return inner
def walk(node):
    out = []
    while node: out.append(node.val); node = node.next
    return out
def rev(node):
    prev = None
    while node: node.next, prev, node = prev, node, node.next
    return prev
def says(): print("hello"); print("there")
count = 0
def inc():
    global count
    count += 1
@contextmanager
def ctx(log):
    log.append("in")
    yield 5
    log.append("out")
async def aplus(x): return x + 1
def catch(f):
    try: f()
    except KeyError as e: return "key"
    except MyError as e: return ("mine", e.code)
    return "none"
def nested(xs): xs[0].append(9); xs[1]["k"] = xs[0]; return xs
def dec(): from decimal import Decimal; return Decimal("1.10")
def when():
    import datetime as d
    return [d.datetime(2020, 1, 2, 3, 4), d.date(2020, 1, 1), d.timedelta(days=1)]
"""
CASES = {
    "files": """
import io
with io.StringIO() as buffer:
    apply(lambda file: file.write("x"), buffer)
    apply(print, "y", file=buffer)
    assert buffer.getvalue() == "xy\\n"
with open("a", "w") as file: apply(print, "z", file=file)
assert open("a").read() == "z\\n"
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool: assert list(pool.map(ident, range(50))) == list(range(50))
""",
    "error": """
try:
 boom()
except MyError as e:
 assert str(e) == "bad" and e.code == 7 and e.args == ("bad",), (str(e), e.code, e.args)
else: assert 0
""",
    "error base": """
try:
 boom2()
except ValueError as e:
 assert isinstance(e, Sub) and isinstance(e, MyError) and type(e) is Sub and type(e).__name__ == "Sub"
else: assert 0
""",
    "builtin error": """
try: Stack().pop()
except IndexError as e: assert str(e) == "pop from empty list"
else: assert 0
""",
    "kinds": """
k = kinds()
assert k == [None, True, 2**200, -5, 1.5, float("inf"), 1j, "é\\udc80", b"x", bytearray(b"y"), (1,), {1}], k
assert more() == [frozenset({2}), {"a": [1]}, range(3), {(1, "a"): {2}}, [[], ()]]
assert [*map(type, k)][1] is bool
""",
    "in place": """
xs = [3,1,2]
ys = xs
assert sort_in_place(xs) is None
assert ys == [1,2,3]
assert ident(xs) is xs
d={"a":xs}
assert ident(d)["a"] is xs
""",
    "nested": """
a=[1]; x=[a, {}]
r = nested(x)
assert r is x and a == [1, 9] and x[1]["k"] is a
""",
    "callback": """
assert apply(lambda x, y=1: x + y, 2, y=5) == 7
assert apply(len, "abc") == 3 and apply(str.upper, "a") == "A" and apply(int, "5") == 5
out=[]
apply(out.append, 4)
assert out == [4]
""",
    "callback error": """
class E(Exception): pass
def f(): raise E("x")
try: apply(f)
except E as e: assert str(e) == "x"
else: assert 0
""",
    "gen": """
assert list(gen(4)) == [0,1,4,9]
g = gen(2)
assert next(g) == 0 and next(g) == 1
try: next(g)
except StopIteration: pass
else: assert 0
assert sum(gen(3)) == 5
assert next(gen(0), "x") == "x"
assert set(gen(3)) == {0, 1, 4}
""",
    "stack": """
s = Stack()
assert s.push(1).push(2) is s
assert len(s) == 2 and list(s) == [1, 2] and s[0] == 1 and s[-1:] == [2] and 1 in s and 5 not in s
s[0] = 7
assert s.items == [7, 2] and s.top == 2 and str(s) == "Stack([7, 2])" and f"{s}" == repr(s)
assert s.pop() == 2
assert Stack.total == 1 and Stack.of(1).items == [1] and Stack.twice(3) == 6
assert isinstance(s, Stack) and type(s) is Stack and type(s).__name__ == "Stack"
s.extra = 5
assert s.extra == 5 and hasattr(s, "extra") and not hasattr(s, "nope")
assert bool(Stack()) is False and not isinstance(3, Stack)
assert callable(Stack) and callable(s.push) and not callable(s)
assert isinstance([s][0], Stack)
""",
    "with": """
s = Stack()
with s as t:
 assert t is s
 raise KeyError
assert s.closed
log=[]
with ctx(log) as five:
 assert five == 5
""",
    "vector": """
a, b = V(1, 2), V(3, 4)
assert a + b == V(4, 6) and a != b and a * b == 11 and abs(b) == 5 and -a == V(-1, -2)
assert a * 2 == V(2, 4) and 2 * a == V(2, 4)
c = a
c += b
assert c == V(4, 6)
assert a < b and sorted([b, a]) == [a, b] and max([a, b]) == b
assert a and not V(0, 0)
assert len({a, V(1, 2), b}) == 2 and {a: 1}[V(1, 2)] == 1
assert (a * 3).x == 3
assert a != (1, 2) and not a == 5
try: a.x = 3
except AttributeError: pass
else: assert 0
try: a + 3
except AttributeError: pass
else: assert 0
""",
    "named": """
p = point()
assert p == (1, 2) and p.x == 1
q = P(3, 4)
assert q.x == 3 and q == (3, 4) and (3, 4) == q and px(q) == 3 and px(p) == 1
""",
    "enum": """
assert Color.RED is Color.RED and Color.RED != Color.BLUE and Color(2) is Color.BLUE and Color["RED"].value == 1
assert is_red(Color.RED) and not is_red(Color.BLUE)
assert [c.name for c in Color] == ["RED", "BLUE"] and len(Color) == 2 and Color.RED in Color
assert Num.ONE == 1 and S.A == "a" and S.A.name == "A" and is_a(S.A) and Num.ONE < 2
""",
    "counter": """
assert words("a b a") == {"a": 2, "b": 1}
assert words("a b a").most_common(1) == [("a", 2)]
from collections import deque, Counter
assert ident(deque([1,2], 5)) == deque([1,2]) and ident(Counter("aa")) == Counter("aa")
d = deque([1]); apply(lambda: 0); assert Counter("ab") == words("a b")
""",
    "list sub": """
l = L([1, 2])
assert l.first() == 1 and l == [1, 2] and len(l) == 2
""",
    "decorator": """
calls=[]
@memo
def f(x):
 "doc"
 calls.append(x)
 return x + 1
assert f(1) == 2 and f(1) == 2 and calls == [1] and f.__name__ == "f" and f.__doc__ == "doc"
""",
    "nodes": """
class N:
 def __init__(self, val, next=None): self.val = val; self.next = next
n = N(1, N(2, N(3)))
assert walk(n) == [1,2,3]
r = rev(n)
assert isinstance(r, N) and r.next.next is n
assert (r.val, r.next.val, r.next.next.val, r.next.next.next) == (3, 2, 1, None)
""",
    "print": """
import io, contextlib
b = io.StringIO()
with contextlib.redirect_stdout(b): says()
assert b.getvalue() == "hello\\nthere\\n"
print("fine")
""",
    "globals": """
assert count == 0
inc()
assert count == 1
""",
    "module": """
assert math.isclose(abs(V(3, 4)), 5.0)
assert Counter("ab") == {"a": 1, "b": 1}
""",
    "async": """
import asyncio
assert asyncio.run(aplus(1)) == 2
async def go(): return await aplus(2) + sum(await asyncio.gather(aplus(1), aplus(2)))
assert asyncio.run(go()) == 8
""",
    "catch": """
def f(): raise KeyError(1)
assert catch(f) == "key"
def g(): raise MyError("x", 9)
assert catch(g) == ("mine", 9)
assert catch(lambda: 1) == "none"
""",
    "text": """
from decimal import Decimal
assert dec() == Decimal("1.1")
from datetime import *
assert when() == [datetime(2020,1,2,3,4), date(2020,1,1), timedelta(days=1)]
""",
    "import program": """
from program import inc as i, Stack
i()
assert count == 1
""",
    "iter arg": """
assert apply(sum, (i for i in range(3))) == 3
assert apply(list, iter([1,2])) == [1,2]
assert apply(list, map(str, [1])) == ["1"]
""",
    "deepcopy": """
import copy
s = Stack.of([1])
t = copy.deepcopy(s)
t.push(2)
assert len(s) == 1 and len(t) == 2
""",
    "pytest": """
import unittest
class T(unittest.TestCase):
 def test(self):
  with self.assertRaises(MyError): boom()
  self.assertEqual(V(1,2), V(1,2))
  self.assertAlmostEqual(abs(V(3,4)), 5.0)
r = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
assert r.wasSuccessful(), r
""",
    "names": """
try: nothing
except NameError: pass
else: assert 0
assert __name__ == "program"
""",
    "dataclass": """
import dataclasses
@dataclasses.dataclass
class D:
 x: "int"
assert apply(lambda d: d.x, D(4)) == 4
assert ident(D(1)) == D(1)
""",
    "lambda back": """
add = memo(lambda a, b: a + b)
assert add(1, 2) == 3
""",
    "big": """
xs = list(range(300000))
assert ident(xs) is xs
ys = [str(i) for i in range(50000)]
sort_in_place(ys)
assert ys[1] == "1" and ys[2] == "10"
""",
    "regex": """
import re
assert apply(lambda: re.compile("a")).pattern == "a"
assert apply(re.compile, "a").match("a")
""",
}


@pytest.mark.parametrize("tests", CASES.values(), ids=CASES)
def test_tests_do_as_they_would_in_one_process(tests):
    outcome = run(PROGRAM, tests)
    assert outcome.passed, outcome.reason


def test_the_libraries_that_the_text_before_the_answer_imports_are_the_tests_too():
    given = "import math\nfrom typing import List\nimport nothing_of_that_name\n\ndef half(x: float) -> float:\n"
    tests = "xs: List[float] = [half(3)]\nassert math.isclose(xs[0], 1.5)"
    assert run("def half(x): return x / 2", tests, given=given).passed
    assert run("import math\ndef half(x): return x / 2", "assert math.isclose(half(3), 1.5)").passed


def test_a_function_may_have_the_name_of_a_builtin_where_the_tests_use_no_other():
    assert run("def sum(a, b): return 6", "assert sum(10, 15) == 6\nassert sum(10, 5) == 6").passed
    assert not run("def sum(a): return 6\ndef f(): return 1", "assert sum([f()]) == 6").passed


def test_changes_of_every_kind_of_argument_come_back():
    program = """
def change(a, b, c, d, e, *, f):
    a.reverse(); b["x"] = 1; c.add(3); d.append(4); e.append(5); f.move_to_end(1)
"""
    tests = """
from collections import OrderedDict, deque
a, b, c, d, e, f = [1, 2], {}, {1}, bytearray(b"x"), deque([1]), OrderedDict([(1, 2), (3, 4)])
change(a, b, c, d, e, f=f)
assert (a, b, c, d, e, list(f)) == ([2, 1], {"x": 1}, {1, 3}, bytearray(b"x\\4"), deque([1, 5]), [3, 1])
"""
    assert run(program, tests.replace("\\\\", "\\")).passed


LOUD = {
    "a class derived from the program's": ("class A: pass", "class B(A): pass", "derive B"),
    "order beside plain data": ("class A:\n  def __lt__(self, o): return True", "assert A() < 3", "compare a A"),
    "arithmetic that gives plain data": (
        "class A:\n  def __mul__(self, o): return 6",
        "assert A() * 3 == 6",
        "plain data",
    ),
    "what is too deep": ("def f(x): return x", "x = []\nfor _ in range(999): x = [x]\nf(x)", "nested more than"),
    "a patched builtin": (
        "def f(): return input()",
        "import builtins\nbuiltins.input = lambda: 1\nassert f()",
        "EOFError",
    ),
    "a copy that is changed": ("class A:\n  x = []", "A.x.append(1)\nassert A.x == [1]", "AssertionError"),
    "the class of a copy": ("class L(list): pass\ndef f(): return L()", "assert isinstance(f(), L)", "AssertionError"),
    "SystemExit expected": ("def f(): raise SystemExit", "try: f()\nexcept SystemExit: pass", "raised SystemExit"),
    "StopIteration of a function": (
        "def f(): raise StopIteration",
        "try: f()\nexcept StopIteration: pass",
        "RuntimeError",
    ),
    "a private attribute of the tests'": (
        "def f(x): return x._y",
        "class A: _y = 1\nassert f(A()) == 1",
        "out of the",
    ),
    "the tests' names": ("def f(): return helper()", "def helper(): return 1\nassert f() == 1", "NameError"),
    "the rest of a generator": (
        "import types\ndef f(): yield 1",
        "import types\nassert isinstance(f(), types.GeneratorType)",
        "",
    ),
}


@pytest.mark.parametrize(("program", "tests", "reason"), LOUD.values(), ids=LOUD)
def test_what_cannot_work_across_two_processes_fails(program, tests, reason):
    outcome = run(program, tests)
    assert not outcome.passed and reason in outcome.reason, outcome.reason


@pytest.mark.parametrize(
    "tests",
    [
        "def test(): assert f() == 1",
        "import unittest\nclass T(unittest.TestCase):\n  def test(self): assert f() == 1",
        "if __name__ == '__main__': assert f() == 1",
    ],
)
def test_tests_that_nothing_runs_do_not_pass(tests):
    assert run("def f(): return 1", tests).reason == "the tests ask nothing of the program; are they run?"
    assert run("def f(): return 1", tests + "\nassert f() == 1").passed
