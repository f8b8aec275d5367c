"""Answers to mathematical problems as models write them: equal to the reference or not."""

import pytest

from infertune.types import Example

pytest.importorskip("math_verify", reason="math-verify is of the extra math")

from infertune.tasks.latex import plain
from infertune.tasks.scorers.math import MathEquivalence

# Reference, answer.
EQUAL = [
    (r"\frac12", "0.5"), (r"\frac1{2}", r"\frac{1}{2}"), (r"\frac{1}{2}", r"\frac12"),
    (r"\frac{1}{2}", r"\dfrac{1}{2}"), (r"\frac{1}{2}", "1/2"), (r"\frac{3}{2}", r"1\frac{1}{2}"),
    (r"\frac{3}{2}", r"1 \frac12"), (r"\frac{3}{2}", "1 1/2"), (r"\sqrt{2}", r"\sqrt2"), (r"\sqrt{2}", r"\sqrt 2"),
    (r"3\sqrt{13}", r"3\sqrt13"), ("5", "x=5"), ("x=5", "5"), ("[1,2]", r"x \in [1,2]"), (r"\{1,2\}", r"\{2,1\}"),
    ("1,2", "2,1"), ("1,2", "1, 2"), (r"1 \pm \sqrt{2}", r"1+\sqrt{2},1-\sqrt{2}"), ("5", r"5\text{ cm}"),
    (r"5\text{ cm}", "5"), ("5", "5 cm"), ("5", r"5~\mathrm{cm}"), ("50", r"50\%"), (r"50\%", "50"),
    (r"50\%", "0.5"), ("90", r"90^\circ"), (r"90^\circ", "90"), ("90", r"90^{\circ}"), ("90", "90°"),
    ("90", "90 degrees"), ("90", r"90\text{ degrees}"), ("18.90", r"\$18.90"), (r"\$18.90", "18.90"),
    ("18.90", "$18.90"), ("10000", "10,000"), ("10,000", "10000"), (r"10,\!000", "10000"), ("1234.5", "1,234.5"),
    (r"\text{Evelyn}", "Evelyn"), (r"\text{(A)}", "A"), (r"\text{(A)}", "(A)"), ("A", r"\text{(A)}"), ("A", "(A)"),
    (r"\text{even}", "even"), ("1011_2", "1011_{2}"), ("1011_2", "1011"), (r"-\frac{1}{3}", r"\frac{-1}{3}"),
    (r"-\frac{1}{3}", "-1/3"), (r"(-\infty,3]", r"(-\infty, 3]"),
    (r"(-\infty,3]\cup[5,\infty)", r"(-\infty, 3] \cup [5, \infty)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}"),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix}-\frac{1}{3}\\\frac{2}{3}\end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\[2pt] 2 \end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\left(\begin{array}{c}1\\2\end{array}\right)"), (".5", "0.5"),
    ("5.0", "5"), ("2:3", "2:3"), ("x^2+2x+1", "(x+1)^2"), (r"\frac{\pi}{2}", r"\pi/2"), ("p - q", "-q+p"),
    ("6 - 5i", "6-5i"), ("6 - 5i", "-5i+6"), (r"\left(3, \frac{\pi}{2} \right)", r"(3,\pi/2)"),
    ("5,6", r"5 \text{ and } 6"), (r"10\sqrt{3}", r"10\sqrt{3}\text{ units}"), (r"\dfrac{9}{7}", r"\frac 97"),
    (r"\frac{9}{7}", r"\frac97"), (r"\frac{9}{77}", r"\frac9{77}"), (r"15\text{ cm}^2", "15"),
    ("15", r"15\text{ cm}^2"), ("15", r"15 \text{cm}^{2}"), ("y=2x+3", "y = 2x + 3"), ("y=2x+3", "2x+3"),
    ("2x+3", "y=2x+3"), (r"\text{June 20}", "June 20"), ("2^{10}", "1024"), (r"\log_2 8", "3"), ("5!", "120"),
    (r"\binom{5}{2}", "10"), (r"\emptyset", r"\varnothing"), (r"\infty", r"+\infty"), ("-2", "−2"),
    (r"3\times 10^4", "30000"), (r"\text{Yes}", "yes"), ("4:30", r"4:30\text{ p.m.}"), ("1{,}000", "1000"),
    (r"4 \text{ or } 5", "4,5"), (r"x \ge 3", r"x \geq 3"), (r"x \ge 3", r"[3,\infty)"), ("x>3", "3<x"),
    (r"\sin x", r"\sin(x)"), ("5", "5."), (r"\{1\}", "1"), ("(5)", "5"), (r"\textbf{5}", "5"), (r"\mathbf{5}", "5"),
    (r"\boxed{5}", "5"), (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2"), (r"\frac{\sqrt3}2", r"\sqrt{3}/2"),
    (r"\sqrt[3]{2}", "2^{1/3}"), (r"\cot x", r"\frac{1}{\tan x}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix}1.0\\2.0\end{bmatrix}"),
    (r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}", r"\left[\begin{array}{cc} 1 & 0 \\ 0 & 1 \end{array}\right]"),
    (r"\begin{pmatrix} \sqrt{2} \\ 1/2 \end{pmatrix}", r"\begin{pmatrix}\sqrt2\\\frac12\end{pmatrix}"),
    ("[0,1]", "[0, 1]"), (r"(-\infty,2)\cup(3,\infty)", "(-∞, 2) ∪ (3, ∞)"), (r"\{1,2,3\}", r"\{3,2,1\}"),
    (r"\{1,2,3\}", "1,2,3"), ("(1,2)", "(1.0,2.0)"), (r"2\pm\sqrt{3}", r"2+\sqrt3, 2-\sqrt3"),
    (r"\sqrt{13}", r"\sqrt13"), (r"\sqrt{13}", "√13"), (r"2\pi", "2π"), (r"\frac{\pi}{2}", "π/2"),
    (r"\frac{1}{2}", "½"), ("x^2+1", "x²+1"), ("-3", "−3"), ("1234", "1,234"), ("1234", "1{,}234"),
    ("1234", r"1,\!234"), ("1,234", "1234"), ("1000000", "1,000,000"), (r"\frac{11}{2}", r"5\frac{1}{2}"),
    (r"\frac{11}{2}", r"5\tfrac12"), (r"\frac{11}{2}", "5 1/2"), (r"\frac{11}{2}", "5.5"), (r"\frac12", r"\frac12"),
    (r"\frac{270}{7}", r"\frac{270}7"), ("5", r"5\%"), ("0.05", r"5\%"), (r"15\text{ cm}", r"15\text{ cm}^2"),
    (r"15\mbox{ cm}^2", "15"), (r"\$15", "15"), ("15", r"\$15"), ("15", "15 dollars"), ("15", r"15\text{ dollars}"),
    ("15", r"\text{15 dollars}"), ("15", r"$\text{15}$"), (r"\text{(B)}", "B"), (r"\text{(B)}", r"\textbf{(B)}"),
    (r"\text{(B)}", "(B)"), (r"\text{(B)}", r"\text{B}"), (r"\text{Tuesday}", "Tuesday"),
    (r"\text{Tuesday}", "tuesday"), ("x=3", "3"), ("y=x+1", "y=1+x"), ("y=x+1", "x+1"), ("x^2+y^2=4", "y^2+x^2=4"),
    ("f(x)=2x", "2x"), ("4x^2-1", "(2x-1)(2x+1)"), (r"\log 10", "1"), (r"0.\overline{3}", r"\frac13"),
    (r"0.\overline{3}", "1/3"), (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt3}"), ("2+3i", "3i+2"),
    ("10^{10}", "10000000000"), (r"2 \times 10^{5}", "200000"), (r"2\cdot 10^5", "200000"),
    (r"\left(\frac{1}{2},-\frac{3}{4}\right)", "(1/2, -3/4)"),
    (r"\left(\frac{1}{2},-\frac{3}{4}\right)", "(0.5,-0.75)"), (r"\dfrac{\sqrt[3]{4}}{2}", r"\frac{4^{1/3}}{2}"),
    (r"\text{no solution}", "No solution"), (r"\emptyset", r"\{\}"), ("2516_8", "2516_8"), ("2516_8", "2516"),
    ("12:30", "12:30"), ("5", r"\boxed{5}"), ("5", r"\textbf{5}"), ("5", "**5**"), ("5", "5,"),
    ("5", r"5\,\text{units}"), ("5", r"\approx 5"), ("7, 11", r"7 \text{ and } 11"), ("-1, 2", "2, -1"),
    (r"72^\circ", "72"), ("72", r"72^\circ"), (r"k = \pm 2", r"\pm 2"), (r"2\sqrt{3}", r"\sqrt{12}"),
    (r"2\sqrt{3}", "2√3"), (r"2\sqrt{3}", "√(12)"), (r"\frac{3}{4}", r"\frac{6}{8}"), (r"\frac{3}{4}", r"75\%"),
    (r"18^{\circ}", r"18^{\circ}\text{C}"), ("n!", "n!"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \\ \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\left[\begin{matrix} 1 \\ 2 \end{matrix}\right]"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\left(\begin{matrix} 1 \\ 2 \end{matrix}\right)"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \cr 2 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix} 1 \\\\ 2 \end{bmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\mathbf{v} = \begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{smallmatrix} 1 \\ 2 \end{smallmatrix}"),
    (r"\begin{pmatrix} 1/2 \\ \sqrt{2} \end{pmatrix}", r"\begin{pmatrix} \tfrac12 \\ \sqrt 2 \end{pmatrix}"),
    (r"\begin{pmatrix} a+b \\ c \end{pmatrix}", r"\begin{pmatrix} b+a \\ c \end{pmatrix}"), ("5", "5.0000"),
    ("5", r"5\!"), ("5", "{5}"), ("5", r"\{5\}"), ("5", "5^{}"), ("-5", r"-\,5"), (r"\frac{3}{5}", "3/5"),
    (r"\frac{3}{5}", r"\frac{3}{5}\text{ miles}"), (r"\frac{3}{5}", ".6"), (r"\frac{3}{5}", "0.60"),
    (r"\frac{3}{5}", r"60\%"), (r"\frac{3}{5}", r"\left.\frac{3}{5}\right."), (r"\frac{3}{5}", r"\frac {3} {5}"),
    (r"\frac{3}{5}", r"\frac35."), (r"\frac{35}{2}", r"\frac{35}2"), (r"\frac{1}{20}", r"\frac1{20}"),
    (r"5\sqrt{2}", r"5 \sqrt{2}"), (r"5\sqrt{2}", r"\sqrt{50}"), (r"5\sqrt{2}", r"5\sqrt 2\text{ feet}"),
    (r"12\text{ inches}", "12"), (r"12\text{ inches}", "12 inches"), (r"12\text{ inches}", "12 in"),
    ("12", r"12 \text{ in}^3"), ("12", r"12\ \mathrm{cm}"), ("12", r"12~\text{cm}"), ("12", r"12\,\text{m/s}"),
    ("12", "12 m/s"), ("12", "12 square units"), (r"36^\circ", "36 degrees"), (r"36^\circ", "36°"),
    ("36", r"36^{\circ}"), ("36", r"36\degree"), (r"\$5.50", "5.50 dollars"), ("5.50", r"\text{\$5.50}"),
    ("5.50", "$5.50"), ("3,5", "3, 5"), ("3,5", "5,3"), (r"10\%", "10"), (r"10\%", "10 percent"),
    ("10", r"10 \text{ percent}"), ("[-1, 3)", "[-1,3)"), ("[-1, 3)", r"\left[-1, 3\right)"),
    ("(-1,3)", "-1 < x < 3"), (r"\mathbb{R}", r"\mathbb{R}"), (r"\mathbb{R}", r"(-\infty,\infty)"),
    (r"1 + \sqrt{2}, 1 - \sqrt{2}", r"1 \pm \sqrt{2}"), (r"\pm 2", "2, -2"), (r"\pm 2", "-2, 2"),
    (r"\pm 2", r"x = \pm 2"), ("(2,3)", "x=2, y=3"), ("(2,3)", r"x=2 \text{ and } y=3"),
    ("(2,3),(4,5)", "(4,5),(2,3)"), ("(2,3),(4,5)", r"(2,3) \text{ and } (4,5)"), ("a^2+b^2", "b^2+a^2"),
    (r"\frac{x+1}{x-1}", r"\frac{1+x}{-1+x}"), ("2x+3y=5", "5 = 3y+2x"), ("y = 2x", "2x = y"),
    (r"\text{Monday}", "Monday"), (r"\text{Monday}", r"\mathrm{Monday}"), (r"\text{Monday}", "monday."),
    (r"\text{A and B}", "A and B"), ("A,B,D", "A, B, D"), (r"\text{Alice}", "Alice"), ("E", "E"),
    (r"\text{(E)}", "E"), ("100_7", "100_{7}"), ("100_7", "100"), ("AB_{16}", "AB_{16}"),
    (r"1.0 \times 10^{-3}", "0.001"), (r"6.02\times10^{23}", r"6.02 \cdot 10^{23}"), ("2^{100}", "2^{100}"),
    (r"\log_2 3", r"\frac{\ln 3}{\ln 2}"), ("2i", "2i"), ("8!", "40320"), (r"\binom{10}{3}", "120"),
    (r"(3,\infty)", "x > 3"), (r"\frac{1}{2}", r"\\frac{1}{2}"),
]  # fmt: skip
DIFFERENT = [
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2.5 \end{pmatrix}"),
    (r"\begin{pmatrix} 12 \\ 3 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 23 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "12"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2"), ("(1, 2)", "(1, 2)^T"), ("5.5", "5,5"),
    ("[-1, 3)", "(-1,3)"), (r"\pm 2", "2"), (r"\text{Monday}", r"\text{Tuesday}"), (r"\text{A and B}", "A and C"),
    ("A,B,D", "A,B,C"), (r"\text{Yes}", r"\text{No}"), (r"\text{Alice}", "Bob"), (r"\text{red}", "read"),
    ("E", "D"), ("3.14", "3.14159"), ("3.14159", r"\pi"), (r"\frac{1}{3}", "0.33"), (r"\frac{1}{3}", "0.3333"),
    ("2^{100}", "2^{99}"), ("10^{100}", "10^{99}"), ("x^{10}", "x^{11}"), ("i", "-i"), (r"\infty", r"-\infty"),
    ("[1,2]", "(1,2)"), ("(1,2)", "(2,1)"), ("B", r"\text{A}"), ("even", "odd"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\4&3\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"), ("2:3", "3:2"), ("6 - 5i", "6+5i"), ("5", r"5 \text{ and } 6"),
    ("3", "three"), ("0", r"\emptyset"), ("1/3", "0.3333"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 2 \\ 1 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \\ 3 \end{pmatrix}"),
    (r"\begin{pmatrix} x \\ y \end{pmatrix}", r"\begin{pmatrix} x \\ z \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ -2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "1"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}1, 2\end{pmatrix}"), ("[1,2]", "[1,2)"),
    ("(1,2)", "[1,2]"), (r"(-\infty,2)\cup(3,\infty)", r"(-\infty,2]\cup(3,\infty)"), (r"\{1,2,3\}", r"\{1,2\}"),
    ("(1,2)", "(1,3)"), (r"2\pm\sqrt{3}", r"2+\sqrt{3}"), ("3", "−3"), ("1234", "1.234"), ("12,3", "123"),
    (r"\frac{11}{2}", r"\frac{51}{2}"), (r"\frac12", r"\frac{1}{3}"), (r"\frac{270}{7}", r"\frac 2707"),
    (r"\text{(B)}", "C"), (r"\text{Tuesday}", "Wednesday"), (r"\text{even}", r"\text{odd}"), ("x=3", "x=4"),
    ("y=x+1", "y=x-1"), ("4x^2-1", "4x^2+1"), ("0.3", "1/3"), ("3.14", r"\pi"), ("2+3i", "2-3i"),
    ("1011_2", "1011_3"), ("5", r"5\text{ or }6"), ("-1, 2", "1, 2"), ("72", "1.2566"),
    (r"\leftarrow", r"\rightarrow"), (r"x \to \infty", r"\infty"),
]  # fmt: skip
# What only looks different is one vote.
SAME_LOOKS = [
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\[2pt] 2 \end{pmatrix}"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    (r"(1, \frac{1}{2})", r"$\left(1,\ \dfrac12\right)$."),
    (r"\frac{1}{2}", r"\frac12"),
    (r"\sqrt{13}", r"\sqrt13"),
    ("x^2", "x^{2}"),
    (r"\leftarrow", r"\leftarrow"),
    ("10000", r"10,\!000"),
    ("10000", "10,000"),
    ("10000", r"\(10{,}000\)"),
    ("even", r"\text{even}"),
    ("18.90", r"\$18.90"),
    ("-3", "−3"),
    (r"\emptyset", r"\varnothing"),
    (r"\frac{1}{6}", r"0.1\overline{6}"),
]


@pytest.mark.parametrize(("reference", "answer"), EQUAL)
def test_equal(reference, answer):
    assert judged(reference, answer) == 1


@pytest.mark.parametrize(("reference", "answer"), DIFFERENT)
def test_different(reference, answer):
    assert judged(reference, answer) == 0


@pytest.mark.parametrize(("form", "text"), SAME_LOOKS)
def test_looks(form, text):
    assert plain(text) == form
    assert plain(form) == form


def judged(reference, answer):
    scorer = MathEquivalence()
    return scorer.score(scorer.normal_form(answer), Example(id="1", fields={}, reference=reference))
