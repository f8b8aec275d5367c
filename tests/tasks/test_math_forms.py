"""Families of ways to write a mathematical answer: all of one are equal, and none is another answer."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.types import Example

pytest.importorskip("math_verify", reason="math-verify is of the extra math")

from infertune.tasks.latex import plain
from infertune.tasks.quantities import parted, time_of_day
from infertune.tasks.scorers.math import MathEquivalence

# A reference, and answers that are equal to it.
EQUAL = {
    r"\frac{9}{77}": [r"\frac9{77}", r"\frac 9{77}", r"\frac{9}77", r"\frac{9} 77", r"\nicefrac{9}{77}", "9/77",
        "9⁄77"],
    r"\frac{\pi}{2}": [r"\frac\pi2", r"\frac\pi{2}", "π/2", r"\frac 1 2 \pi"],
    r"\frac{2}{3}": ["⅔", r"\sfrac{2}{3}", r"\cfrac23", r"{2 \over 3}", "(2)/(3)"],
    r"\frac{a}{b}": [r"\frac ab", r"\frac a{b}", "a/b"],
    r"\sqrt[3]{2}": [r"\sqrt[3]2", "∛2", "2^{1/3}"],
    r"\sqrt{2}": ["sqrt2", "sqrt(2)", r"\sqrt2", "√2"],
    r"2\sqrt{2}i": [r"2i\sqrt2", r"2\sqrt2 i"],
    r"\frac{4}{3}": [r"1\frac13", r"1 \dfrac{1}{3}", "1 1/3", "1⅓"],
    r"33\frac{1}{3}\%": [r"33\frac13\%", r"\frac{100}{3}\%"],
    "3:2": [r"3\colon2", "3{:}2", r"3 \text{ to } 2", "3 to 2", r"\frac32", "6:4"],
    "3:4:5": ["6:8:10", "3 : 4 : 5"],
    "1,2,3": ["(1,2,3)", r"1, 2\text{, and }3", "1, 2, and 3", r"1\text{, }2\text{, }3", "3, 1, 2", r"\{1,2,3\}"],
    "(1,2,3)": ["1,2,3", "x=1, y=2, z=3", "z=3, x=1, y=2", "(x,y,z)=(1,2,3)", r"\langle 1,2,3\rangle"],
    "x=1,y=2": ["(1,2)", "y=2, x=1", r"x=1 \text{ and } y=2", "1, 2"],
    "|x|<3": ["-3<x<3", "(-3,3)", r"\lvert x\rvert < 3", r"x>-3 \text{ and } x<3", r"\{x \mid -3<x<3\}"],
    "(-2,4)": ["|x-1|<3", "-2<x<4"],
    r"(-\infty,2)\cup(3,\infty)": [
        r"x<2 \text{ or } x>3", "x<2 or x>3", r"x>3 \lor x<2", r"\{x \in \mathbb{R} : x<2 \text{ or } x>3\}",
        r"x\in(-\infty,2)\cup(3,+\infty)",
    ],
    "[2,5]": [r"\{x \mid 2\le x\le 5\}", r"x\geqslant2 \text{ and } x\leqslant5", r"x \in [2,5]", r"5 \ge x \ge 2"],
    r"(-\infty,3)\cup(3,\infty)": [r"x\neq3", r"x \ne 3", r"\mathbb{R}\setminus\{3\}"],
    r"(-\infty,\infty)": [r"\text{all real numbers}", "all reals", "ℝ", r"\mathbb{R}"],
    "1500": ["1.5e3", "1.5E+3", "1.5 x 10^3", r"1.5 \times 10^{3}", "1.5*10**3", "1.5 × 10³", "1 500", "1,500 people"],
    "0.0015": ["1.5e-3", "1.5 × 10⁻³"],
    "5000000": ["5 million", r"5\text{ million dollars}", "5,000,000"],
    r"\frac{1}{2}": [
        r"\sin(30^\circ)", r"\sin 30^\circ", r"\sin 30^{\circ}", r"\cos\left(60^\circ\right)", "cos(60°)", r"\cos 60°",
        r"\sin\frac{\pi}{6}", r"\tan^2 30^\circ + \frac16",
    ],
    r"\frac{1\pm\sqrt5}{2}": [
        r"\frac{1+\sqrt5}{2}, \frac{1-\sqrt5}{2}", r"x = \frac{1\pm\sqrt{5}}{2}", r"\frac12 \pm \frac{\sqrt5}{2}",
        r"(1\pm\sqrt5)/2",
    ],
    "30": [
        r"30^\circ", "30^o", r"30\degree", r"30\text{ deg}", "30°C", r"30^\circ\text{F}", r"30\text{ cm²}",
        "30 cm^2", "30in",
        r"30\operatorname{cm}", r"30\frac{\text{m}}{\text{s}}", r"30\text{ sq. cm}", "30 units squared", "`30`",
        r"\bm{30}",
        r"\textcolor{red}{30}", r"\color{blue}{30}", r"\underline{30}", r"\hspace{1mm}30", r"30\\", "30,", r"30^{}",
        r"\text{The answer is }30", r"\approx 30", r"\$30", "30 m/s", "30 h",
    ],
    r"12\text{ hours}": ["12 h", "12 hrs", "12", r"12\text{ hr}"],
    r"4:30\text{ p.m.}": ["4:30 PM", "4:30pm", "4:30"],
    r"10:00\text{ a.m.}": ["10 am", "10 a.m."],
    r"0.\overline{3}": ["0.333...", r"0.3333\ldots", r"0.\bar{3}", r"\frac13"],
    r"\ln 2": [r"\log_e 2", r"\ln(2)"],
    r"\text{Yes}": ["YES", "yes."],
    "x^2": ["x²", "x^{2}", "x**2"],
    "2t": ["t+t", "2 t"],
}  # fmt: skip
# A reference, and answers that are others.
OTHERS = {
    r"\frac{9}{77}": [r"\frac97 7", r"\frac97", r"\frac{97}{7}", r"\frac{77}{9}"],
    "listen": ["silent"], "May": ["Amy"], "even": ["neve"], r"\text{no}": ["yes"], r"\text{red}": ["blue"],
    "5": [
        "5t", "5 x", "5d", "5i", r"5\pi", "5!", "5+", "5 or more", r"5\text{ or more}", r"\ge 5", "> 5", r"5\ldots",
        "5 million",
        r"5\text{ thousand}", r"5\text{ and a half}", r"5\text{ squared}", r"\begin{pmatrix}1, 5\end{pmatrix}",
        r"\{x: x>5\}",
        r"5\text{ to }7", r"\text{not }5", r"\foo{5}", "5 5", r"5+\text{C}", "5.0000001", "4.9999999",
    ],
    "3:4:5": ["3:4", "5:4:3", "3:4:6", "3, 4, 5"], r"\frac{1}{4}": ["1:4:1"], "ABC": ["CBA"],
    r"5\text{ days}": ["5 hours"], r"\sin x": [r"\cos x"], "1": [r"\tan 45"], "16": ["2^2^2^2"],
    "5t": ["5", "5h"], "5h": ["5"], "x+h": ["x"], "2ab": ["2"],
    "0": ["1 000"], "25": ["5 5"], "2": ["1 2"],
    r"5\text{ million}": ["5", "5000"],
    r"12\text{ inches}": ["12 feet", r"12\text{ cm}"], r"5\text{ m}": [r"5\text{ km}"], r"90^\circ": ["90 radians"],
    "4:30": ["2:15", "4:35"], r"4:30\text{ p.m.}": ["4:30 a.m.", "5:30 PM"], "8 am": ["8 pm"],
    "33%": [r"33\frac13\%"], r"1\frac12": [r"\frac{11}{2}", r"\frac12", "12"], "3:2": ["2:3", "32", "3"],
    "(1,2)": ["y=1, x=2", "2,1", "x=2, y=1"], "x=1,y=2": ["(2,1)", "x=2, y=1", "x=1"],
    "0.1": ["0.1000001"], "0.0000001": ["0.0000002"], "0.1234567": ["0.1234568"],
    "1500": ["1.5e2", "1.5", "1.5e4", "15 00"],
    r"\frac{1}{2}": [r"\sin 30", r"\cos 30^\circ", r"\sin 60^\circ"], r"\sin 30^\circ": [r"\sin 30"],
    r"\frac{1\pm\sqrt5}{2}": [r"\frac{1+\sqrt5}{2}", r"\frac{1\pm\sqrt3}{2}", r"\frac{-1\pm\sqrt5}{2}"],
    "|x|<3": ["|x|>3", r"|x|\le3", "x<3", "-3<y<3", "3", r"x<-3 \text{ or } x>3"],
    r"(-\infty,2)\cup(3,\infty)": [r"x<2 \text{ and } x>3", r"x\le2 \text{ or } x>3", "2<x<3", r"x \neq 2"],
    "[2,5]": ["2<x<5", r"x\ge2 \text{ or } x\le5", "(2,5)"],
    r"\sqrt{13}": [r"\sqrt1 3", r"\sqrt[3]{13}"],
}  # fmt: skip


@pytest.mark.parametrize(("reference", "answer"), [(one, other) for one, others in EQUAL.items() for other in others])
def test_equal(reference, answer):
    assert judged(reference, answer) == 1


@pytest.mark.parametrize(("reference", "answer"), [(one, other) for one, others in OTHERS.items() for other in others])
def test_other(reference, answer):
    assert judged(reference, answer) == 0


def as_fraction(value):
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def as_mixed(value):
    whole, rest = divmod(value, 1)
    return rf"{whole}\frac{{{rest.numerator}}}{{{rest.denominator}}}" if whole and rest else as_fraction(value)


FORMS = [
    as_fraction,
    as_mixed,
    lambda value: f"{value.numerator}/{value.denominator}",
    lambda value: rf"x = \dfrac{{{value.numerator}}}{{{value.denominator}}}\text{{ cm}}^2",
    lambda value: rf"\frac{{{value.numerator}}}{value.denominator}",
    lambda value: f"{value.numerator}:{value.denominator}",
]
values = st.builds(Fraction, st.integers(1, 200), st.integers(1, 99))


@settings(deadline=None, max_examples=60)
@given(values, values, st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_fractions_are_equal_in_all_forms_or_in_none(one, other, form, other_form):
    assert judged(form(one), other_form(one)) == 1
    assert judged(form(one), other_form(other)) == (one == other)


@settings(deadline=None)
@given(st.text(alphabet="12x{}^\\ ,.:%()") | st.text() | st.lists(st.sampled_from([
    r"\frac", r"\sqrt", r"\mathbf{", "{", "}", "1", "2", r"\pm", r"\text{", " ", "e3", "[", "]", r"\pi", "...", ":",
])).map("".join))  # fmt: skip
def test_the_normal_form_is_one(text):
    form = plain(text)
    assert plain(form) == form or len(plain(form)) < len(form)
    parted(form)
    time_of_day(form)
    assert judged(text, text) in (0, 1)


@pytest.mark.parametrize(
    "text", [r"\frac" * 20_000, "{" * 50_000, r"\mathbf{" * 20_000, "1,000" * 10_000, r"\pm(" * 9000]
)
def test_long_texts_end_soon(text):
    assert judged("1", text) == 0


def judged(reference, answer):
    scorer = MathEquivalence()
    form = scorer.normal_form(answer)
    return 0 if form is None else scorer.score(form, Example(id="1", fields={}, reference=reference))
