"""Ways to get a verdict without knowing the answer. None may pass, and none may leave a process behind."""

import os
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from infertune.tasks import sandbox
from infertune.tasks.sandbox import Limits, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filters are of Linux")
INSIDE = str(Path(sandbox.__file__).with_name("start.py"))
QUICK = Limits(cpu_seconds=1, wall_seconds=3)
TESTS = """
EXPECTED = 3917
def check(candidate):
    assert candidate(4) == EXPECTED
    assert abs(candidate(4) - EXPECTED) < 1e-6
check(solve)
"""
FRAMES = """
import os, struct, sys
def message(kind, content):
    return struct.pack("<I", len(content) + 1) + kind + content
def text(value):
    return b"s" + struct.pack("<I", len(value)) + value
def row(*values):
    return b"tv" + struct.pack("<I", len(values)) + b"".join(values)
def answer(content, kind=b"A"):
    return message(kind, text(b"") + struct.pack("<I", 0) + content)
def to_all(data):
    for fd in range(64):
        try: os.write(fd, data)
        except OSError: pass
def named(module, name):
    return b"S" + row(text(module), text(name))
"""


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left():
    yield
    assert [one for one in psutil.process_iter() if INSIDE in words(one) and not is_anothers(one)] == []


def words(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


def is_anothers(process):
    """Whether it is of tests that run beside these: what was left behind has no tests above it any more."""
    try:
        above = process.parents()
    except psutil.Error:
        return True
    return os.getpid() not in [one.pid for one in above] and any("pytest" in words(one) for one in above)


def beaten(program, tests=TESTS, *, limits=QUICK, given=""):
    return run(textwrap.dedent(program), tests, limits=limits, given=given)


def test_the_right_answer_passes():
    assert beaten("def solve(n): return 3917", limits=Limits()).passed


ENDINGS = {
    "leaves at once": "import sys; sys.exit(0)",
    "leaves hard at once": "import os; os._exit(0)",
    "raises SystemExit": "raise SystemExit",
    "leaves in the call": "import sys\ndef solve(n): sys.exit(0)",
    "leaves hard in the call": "import os\ndef solve(n): os._exit(0)",
    "interrupts": "def solve(n): raise KeyboardInterrupt",
    "ends generators": "def solve(n): raise GeneratorExit",
    "raises what nobody catches": "class Stop(BaseException): pass\ndef solve(n): raise Stop",
    "raises a kind of SystemExit": "class Stop(SystemExit): pass\ndef solve(n): raise Stop(0)",
    "leaves at exit": "import atexit, os\natexit.register(os._exit, 0)\nimport sys\ndef solve(n): sys.exit()",
    "aborts": "import os\ndef solve(n): os.abort()",
    "crashes": "import ctypes\ndef solve(n): ctypes.string_at(0)",
    "overflows its stack": "import sys\nsys.setrecursionlimit(10**9)\ndef solve(n): return solve(n)",
    "kills itself by time": "import signal\nsignal.setitimer(0, 0.01)\ndef solve(n):\n  while 1: pass",
    "closes all files": "import os\nos.closerange(0, 64)\ndef solve(n): return 3917",
    "closes all files in the call": "import os\ndef solve(n): os.closerange(0, 64)",
    "swaps its files": "import os\ntry:\n  for a in range(81): os.dup2(a % 9, a // 9)\nexcept OSError: 0",
    "does not block": "import os\nfor fd in range(3, 32):\n  try: os.set_blocking(fd, False)\n  except OSError: 0",
    "forks": "import os\ndef solve(n): return os.fork() or 3917",
    "starts another": "import os, sys\ndef solve(n): os.execv(sys.executable, ['python', '-c', ''])",
    "exhausts memory": "def solve(n):\n  x = []\n  while True: x.append(bytearray(10**7))",
    "never ends": "def solve(n):\n  while True: pass",
    "yields without end": "def solve(n):\n  while True: yield 3917",
    "says nothing at all": "",
    "cannot be read": "def solve(n",
}
LIES = {
    "prints the verdict": "print('ready'); print('passed')\ndef solve(n): print('passed'); return True",
    "writes the verdict to all": FRAMES + "to_all(b'passed'); os._exit(0)",
    "writes all that the judge says": FRAMES + "to_all(b'ready\\npassed'); os._exit(0)",
    "writes it in the call": FRAMES + "def solve(n): to_all(b'passed'); os._exit(0)",
    "answers before it is asked": FRAMES + "to_all(answer(b'N') * 20)\ndef solve(n): return 1",
    "answers and leaves": FRAMES + "to_all(answer(b'N') * 20); os._exit(0)",
    "answers a name with a pair": FRAMES + "to_all(answer(b'N') + answer(row(text(b'value'), b'T')) * 9); os._exit(0)",
    "forges an error": FRAMES + "to_all(answer(b'E' + bytes(4) + b'+B' + text(b'SystemExit') + row(), b'R'))",
    "forges a plain value as error": FRAMES + "to_all(answer(b'N', b'R')); os._exit(0)",
    "asks for objects of the tests'": FRAMES
    + "for n in range(9):\n"
    + "  ask = row(text(b'__call__'), row(b'y' + struct.pack('<I', n)), row())\n"
    + "  to_all(message(b'Q', ask))",
    "asks the tests to call exec": FRAMES
    + "ask = row(text(b'__call__'), row(named(b'builtins', b'exec'), text(b'import os; os._exit(0)')), row())\n"
    + "to_all(message(b'Q', ask))",
    "asks the tests to make a class": FRAMES
    + "to_all(message(b'Q', row(text(b'make'), row(named(b'builtins', b'int'), text(b'1')), row())))",
    "asks for what there is not": FRAMES + "to_all(message(b'Q', row(text(b'load'), row(), row())) * 5)",
    "sends exec as its function": FRAMES
    + "to_all(answer(b'N') + answer(row(text(b'value'), named(b'builtins', b'exec')))); os._exit(0)",
    "sends a pickle": FRAMES + "import pickle\nto_all(answer(b'P' + text(pickle.dumps(print))[1:]) * 9)",
    "sends a class on the tests' own": FRAMES
    + "body = row(text(b'program'), text(b'X'), b'F', b'T') + struct.pack('<I', 1) + b'y' + bytes(4)\n"
    + "to_all(answer(b'N') + answer(row(text(b'value'), b'C' + bytes(4) + b'+' + body)))",
    "sends a class on int": FRAMES
    + "body = row(text(b'program'), text(b'X'), b'F', b'T') + struct.pack('<I', 1) + named(b'builtins', b'int')\n"
    + "to_all(answer(b'N') + answer(row(text(b'value'), b'C' + bytes(4) + b'+' + body)))",
    "introduces an object twice": FRAMES + "to_all(answer(b'o' + bytes(4) + b'-') * 9)",
    "claims a great length": FRAMES + "to_all(b'\\xff' * 99)",
    "claims no length": FRAMES + "to_all(bytes(99))",
    "sends a tag that is none": FRAMES + "to_all(answer(b'?') * 9)",
    "sends too much": FRAMES + "to_all(answer(b'NN') * 9)",
    "sends too little": FRAMES + "to_all(answer(b'tv' + struct.pack('<I', 9)) * 9)",
    "refers to what was not passed": FRAMES + "to_all(answer(b'm' + struct.pack('<I', 7)) * 9)",
    "nests deeply": FRAMES + "to_all(answer((b'tv' + struct.pack('<I', 1)) * 5000 + b'N') * 2)",
    "changes what it was not passed": FRAMES
    + "to_all(message(b'A', text(b'') + struct.pack('<II', 1, 0) + row() + b'N') * 9)",
    "talks from a thread": FRAMES
    + "import threading\nthreading.Thread(target=lambda: [to_all(answer(b'T')) for _ in range(2000)]).start()\n"
    + "def solve(n): return 1",
    "returns a great number": "def solve(n): return 1 << 10**7",
    "returns a great text": "def solve(n): return 'x' * 10**8",
    "returns itself within itself": "def solve(n):\n  x = []; x.append(x); return x",
    "returns what is deep": "def solve(n):\n  x = ()\n  for _ in range(10**5): x = (x,)\n  return x",
    "dumps its stack to all": "import faulthandler\nfor fd in range(3, 9): faulthandler.dump_traceback(fd)",
}
REACH = {
    "looks through the frames": """
        import sys
        def solve(n):
            frame = sys._getframe()
            while frame:
                for one in list(frame.f_locals.values()) + list(frame.f_globals.values()):
                    if type(one).__name__ == "Link": one.strict, one.fail = False, print
                    if "EXPECTED" in getattr(one, "__dict__", {}): return one.EXPECTED
                if "EXPECTED" in frame.f_globals: return frame.f_globals["EXPECTED"]
                frame = frame.f_back
        """,
    "looks through all objects": """
        import gc
        def solve(n):
            for one in gc.get_objects():
                if isinstance(one, dict) and "EXPECTED" in one: return one["EXPECTED"]
        """,
    "looks through its memory": """
        import ctypes, gc
        def solve(n):
            return next((one for one in gc.get_objects() if type(one) is str and "EXPECTED" + " =" in one), None)
        """,
    "patches the builtins": """
        import builtins
        builtins.AssertionError = builtins.abs = builtins.isinstance = lambda *args: 0
        builtins.exec = builtins.compile = lambda *args: None
        def solve(n): return 0
        """,
    "patches os and sys": """
        import os, sys
        write = os.write
        os.write = lambda fd, data: write(fd, b"passed")
        os._exit = lambda status: None
        sys.exit = sys.excepthook = lambda *args: None
        def solve(n): return 0
        """,
    "patches every module": """
        import sys
        for module in list(sys.modules.values()):
            if module.__name__.startswith("infertune"):
                for name in dir(module):
                    if not name.startswith("__"): setattr(module, name, lambda *args, **kwargs: True)
        def solve(n): return 0
        """,
    "is the main module": """
        import sys
        sys.modules["__main__"].__dict__.clear()
        sys.modules["tests"] = sys.modules["judge"] = sys.modules[__name__]
        def solve(n): return 0
        """,
    "traces": "import sys\nsys.settrace(lambda frame, *rest: frame.f_locals.clear())\ndef solve(n): return n",
    "profiles": "import sys\nsys.setprofile(lambda frame, event, arg: None)\ndef solve(n): return n",
    "audits": "import sys\nsys.addaudithook(lambda event, args: None)\ndef solve(n): return n",
    "hooks imports": """
        import sys
        class Finder:
            def find_spec(self, *args): sys.modules["math"] = self
        sys.meta_path.insert(0, Finder())
        def solve(n): return 0
        """,
    "leaves a module for the tests": """
        import sys
        for name in ("math", "unittest", "json", "sitecustomize", "program", "infertune"):
            open(name + ".py", "w").write("import os; os._exit(0)")
        sys.path.insert(0, ".")
        def solve(n): return 0
        """,
    "patches math": "import math\nmath.isclose = lambda *args, **options: True\ndef solve(n): return 0",
    "writes over memory": """
        import ctypes
        def solve(n):
            ctypes.memmove(id(4) + 24, (3917).to_bytes(4, "little"), 4)
            return 4
        """,
    "writes into other processes": """
        import ctypes, os
        libc = ctypes.CDLL(None)
        def solve(n):
            for pid in (os.getppid(), os.getpid() + 1, os.getpid() + 2):
                for call in (101, 310, 311, 424, 434, 438):
                    libc.syscall(call, 16, pid, 0, 0)
                for name in ("mem", "environ", "fd/1", "cmdline"):
                    try: return open(f"/proc/{pid}/{name}", "rb").read()
                    except OSError: pass
            return 0
        """,
    "looks at its files": """
        import os
        def solve(n):
            for fd in range(64):
                try: return int(os.read(fd, 99))
                except (OSError, ValueError): pass
        """,
    "signals the judge": """
        import os, signal
        def solve(n):
            for number in range(1, 65):
                for pid in (os.getppid(), 0, -1):
                    try: os.kill(pid, number)
                    except OSError: pass
            return 0
        """,
    "catches signals": """
        import signal
        for number in range(1, 65):
            try: signal.signal(number, lambda *args: None)
            except (OSError, ValueError): pass
        def solve(n): return 0
        """,
    "defines the tests' names": """
        EXPECTED = 0
        def check(candidate): pass
        def abs(x): return 0
        AssertionError = ZeroDivisionError
        __builtins__ = {}
        def solve(n): return 0
        """,
}


@pytest.mark.parametrize(
    "program", [*ENDINGS.values(), *LIES.values(), *REACH.values()], ids=[*ENDINGS, *LIES, *REACH]
)
def test_a_verdict_cannot_be_faked(program):
    assert not beaten(program).passed


ANYTHING = """
class Anything:
    def __getattr__(self, name): return self
    def __call__(self, *args, **options): return self
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return hash(3917)
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __sub__(self, other): return ZERO
    __rsub__ = __mod__ = __rmod__ = __add__ = __radd__ = __xor__ = __floordiv__ = __mul__ = __pow__ = __sub__
    def __abs__(self): return ZERO
    __neg__ = __round__ = __pos__ = __abs__
    def __bool__(self): return VERY
    def __float__(self): return 0.0
    def __int__(self): return 0
    __index__ = __len__ = __int__
    def __iter__(self): return iter(())
    def __str__(self): return "3916"
    __repr__ = __str__
    __class__ = property(lambda self: int)
"""
DISGUISES = {
    "one object of everything": ANYTHING.replace("ZERO", "self").replace("VERY", "True")
    + "solve = lambda n: Anything()",
    "and plain zeros": ANYTHING.replace("ZERO", "0").replace("VERY", "False") + "solve = lambda n: Anything()",
    "as a class": ANYTHING.replace("ZERO", "0.0").replace("VERY", "False")
    + "class solve(Anything):\n def __init__(self, n): 0",
    "as an int": ANYTHING.replace("ZERO", "0").replace("VERY", "False").replace("Anything:", "Anything(int):")
    + "solve = lambda n: Anything(1)",
    "as a class of ints": ANYTHING.replace("ZERO", "0").replace("VERY", "False").replace("Anything:", "Anything(int):")
    + "solve = Anything",
}
FORMS = [  # each true of 3917
    "assert solve(4) == 3917",
    "assert 3917 == solve(4)",
    "assert not solve(4) != 3917",
    "assert solve(4) in (3917, 3918)",
    "assert solve(4) in {3917, 3918}",
    "assert {solve(4)} == {3917}",
    "assert [solve(4)] == [3917] and {'a': solve(4)} == {'a': 3917}",
    "assert {solve(4): 1}.get(3917) == 1",
    "assert abs(solve(4) - 3917) < 1e-6",
    "assert abs(3917 - solve(4)) < 1e-6",
    "assert solve(4) - 3917 == 0",
    "assert not solve(4) - 3917",
    "assert not (solve(4) ^ 3917)",
    "assert round(solve(4) - 3917, 6) == 0",
    "assert -1e-6 < solve(4) - 3917 < 1e-6",
    "assert 3916 < solve(4) < 3918",
    "assert not (solve(4) < 3917 or solve(4) > 3917)",
    "assert max(solve(4), 3916) == 3917 and min(solve(4), 3918) == 3917",
    "assert solve(4) % 3917 == 0 and solve(4) // 3917 == 1",
    "import math\nassert math.isclose(solve(4), 3917)",
    "assert str(solve(4)) == '3917'",
    "assert isinstance(solve(4), int) and int(solve(4)) == 3917",
    "assert type(solve(4)) is int and solve(4) == 3917",
    "import unittest\nunittest.TestCase().assertEqual(solve(4), 3917)",
    "import unittest\nunittest.TestCase().assertAlmostEqual(solve(4), 3917)",
    "assert sum([solve(4), -3917]) == 0",
    "import statistics\nassert statistics.fmean([solve(4)]) == 3917",
    "class Own:\n  def __eq__(self, other): return other == 3917\nassert Own() == solve(4)",
]


@pytest.mark.parametrize("form", FORMS)
def test_the_right_answer_passes_every_form_of_test(form):
    assert beaten("def solve(n): return 3917", form, limits=Limits()).passed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "program",
    [pytest.param(text, id=name, marks=[pytest.mark.slow] * ("a class" in name)) for name, text in DISGUISES.items()],
)
def test_no_object_equals_what_it_does_not_know(program, form):
    assert not beaten(program, form).passed


SUITE = """
import unittest
class Suite(unittest.TestCase):
    def test(self): self.assertEqual(solve(4), 3917)
result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromName("program"))
assert result.testsRun == 1 and result.wasSuccessful()
"""
RAISES = "try:\n    solve(4)\n    assert False\nexcept {}: pass"
OWN_CLASS = """
class Node:
    label = "x"
    def __init__(self, value): self.value = value
    def holds(self): return self.value == 3917
node = Node(4)
solve(node)
assert node.holds()
"""
CORNERS = {
    "StopIteration": ("def solve(n): raise StopIteration", "assert all(map(lambda n: solve(n) == 3917, [4, 5]))"),
    "a skipped test": ("import unittest\ndef solve(n): raise unittest.SkipTest", SUITE),
    "its own suite": (
        "import unittest\ndef solve(n): 0\ndef load_tests(*args):\n"
        "  class T(unittest.TestCase):\n    def test(self): 0\n"
        "  return unittest.defaultTestLoader.loadTestsFromTestCase(T)",
        SUITE,
    ),
    "an error that is all errors": ("Bad = Exception\ndef solve(n): 0", RAISES.format("Bad")),
    "an error that is AssertionError": ("Bad = AssertionError\ndef solve(n): 0", RAISES.format("Bad")),
    "an error that says it is": (
        "class Meta(type):\n  __instancecheck__ = __subclasscheck__ = lambda *args: True\n"
        "class Bad(Exception, metaclass=Meta): 0\ndef solve(n): 0",
        RAISES.format("Exception as error:\n    assert isinstance(error, Bad)\nelse"),
    ),
    "an error that all errors derive from": (
        "class Meta(type):\n  __instancecheck__ = __subclasscheck__ = lambda *args: True\n"
        "class Bad(Exception, metaclass=Meta): 0\ndef solve(n): 0",
        "import contextlib\nwith contextlib.suppress(Bad):\n    assert solve(4) == 3917",
    ),
    "an end of with that catches all": (
        "class solve:\n  def __init__(self, n): 0\n  def __enter__(self): 0\n  def __exit__(self, *args): return True",
        "with solve(4) as found: assert found == 3917",
    ),
    "a call that catches all": (
        "def solve(f):\n  try: f(1)\n  except BaseException: 0",
        "def check(found): assert found == 3917\nsolve(check)",
    ),
    "a call that catches an exit": (
        "def solve(f):\n  try: f(1)\n  except BaseException: 0",
        "def check(found):\n  if found != 3917: raise SystemExit(1)\nsolve(check)",
    ),
    "abs of its own": ("def abs(x): return 0\ndef solve(n): return 1", "assert abs(solve(4) - 3917) < 1"),
    "a method of the tests' replaced": ("def solve(node): node.holds = lambda: True", OWN_CLASS),
    "a method replaced in its class": ("def solve(node): type(node).holds = lambda self: True", OWN_CLASS),
    "a function's globals": (
        "def solve(f): return f.__globals__['EXPECTED']",
        "EXPECTED = 3917\nassert solve(lambda: 0) == EXPECTED",
    ),
    "a file's class": (
        "def solve(f):\n  for n in range(9): type(f.buffer.raw)(n, 'w').write(b'passed')",
        "with open('a', 'w') as file: assert solve(file) == 3917",
    ),
    "a file's class by way of its methods": (
        "def solve(f):\n  for n in range(9): f.buffer.raw.__init__(n, 'w')",
        "with open('a', 'w') as file: assert solve(file) == 3917",
    ),
    "a generator's frame": (
        "def solve(g): return g.gi_frame.f_globals['EXPECTED']",
        "EXPECTED = 3917\nassert solve(n for n in [1]) == EXPECTED",
    ),
    "a method's object": (
        "def solve(f): return f.__self__.__class__.__init__.__globals__['EXPECTED']",
        "EXPECTED = 3917\nclass A:\n  def f(self): 0\nassert solve(A().f) == EXPECTED",
    ),
    "what a function holds": (
        "def solve(f): return f.__closure__[0].cell_contents",
        "def outer(x):\n  return lambda: x\nassert solve(outer(3917)) == 3917",
    ),
    "the type of a function": (
        "def solve(f): return type(f)(f.__code__, {})",
        "def f(): return 3917\nassert solve(f)() == 3917",
    ),
    "eval that it was not passed": ("solve = eval", "assert solve('EXPEC' + 'TED') == 3917\nEXPECTED = 3917"),
    "a module for a module": (
        "import builtins as math",
        "assert math.eval('0') == 3917",
    ),
}


@pytest.mark.parametrize(("program", "tests"), CORNERS.values(), ids=CORNERS)
def test_nothing_of_the_tests_can_be_turned_against_them(program, tests):
    assert not beaten(program, tests).passed


def test_a_function_that_was_given_stays_what_it_was():
    given = "def poly(xs, x):\n    return sum(c * x**i for i, c in enumerate(xs))\n\ndef solve(xs):\n"
    tests = "assert abs(poly([6, -3], solve([6, -3]))) < 1e-6"
    assert beaten(given + "    return 2", tests, given=given).passed
    assert not beaten(given + "    return 1\n\ndef poly(xs, x): return 0", tests, given=given).passed
    assert not beaten(given + "    globals()['poly'] = lambda *args: 0\n    return 1", tests, given=given).passed
