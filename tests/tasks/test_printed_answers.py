"""Whole answers as models print them: what is found in each, and whether it is right."""

import pytest

from infertune.tasks.extraction import Boxed, Choice, Final, Json, Line, Number, extractor
from infertune.tasks.scorers.text import Exact
from infertune.tasks.scorers.text import Number as NumberScorer
from infertune.types import Example

ANSWER_MARK = r"(?im)####|\banswer(?:\s+is\b|\W{0,5}:|\W{0,5}$)"
NUMBER = [Number(after=ANSWER_MARK), Number(which="last")]
NUMBERS = [
    # answer, the number meant
    ("Natalia sold 48/2 = 24 clips in May.\nAltogether 48+24 = 72.\n#### 72", "72"),
    ("**Step 1:** 5 × 12 = 60\n\n**Step 2:** 60 − 8 = 52\n\n**Answer: 52**", "52"),
    ("Let's calculate: $3 \\times 4 = 12$. So she needs $12 more.", "12"),
    ("The total cost is **$1,234.50**.", "1234.5"),
    ("Therefore, Weng earned $10.00.", "10"),
    ("So the train travels 240 km in 3 hours. The answer is 80 km/h.", "80"),
    ("The answer is: 7 apples.", "7"),
    ("Answer:\n\n18 dollars", "18"),
    ("## Final Answer\n\n**540** meters", "540"),
    ("The final temperature is −3 °C.", "-3"),
    ("The final temperature is –3 degrees.", "-3"),
    ("She loses money: her balance is -$45.", "-45"),
    ("Balance: $-45.00", "-45"),
    ("Das macht 1.234,56 €.", "1234.56"),
    ("Il faut 2,5 litres.", "2.5"),
    ("Die Antwort ist 0,75.", "0.75"),
    ("Il y a 1 250 000 habitants.", "1250000"),
    ("Il y a 1\u202f250\u202f000 habitants.", "1250000"),
    ("Es sind 12'500 Franken.", "12500"),
    ("The price is ₹1,00,000.", "100000"),
    ("The price is ₹12,34,567.50 only.", "1234567.5"),
    ("¥3,000 in total", "3000"),
    ("It costs 99¢.", "99"),
    ("The probability is 3/4.", "0.75"),
    ("The probability is $\\frac{3}{4}$.", "0.75"),
    ("She used 1 1/2 cups.", "1.5"),
    ("She used 1½ cups.", "1.5"),
    ("That is 62.5% of the class.", "62.5"),
    ("The mass is 5.97 × 10^24 kg.", "5970000000000000000000000"),
    ("The mass is $5.97 \\times 10^{24}$ kg.", "5970000000000000000000000"),
    ("It is 1.6e-19 C.", "0.00000000000000000016"),
    ("About 3 million people live there.", "3000000"),
    ("It is worth $2.5 billion.", "2500000000"),
    ("They need 3 dozen eggs.", "36"),
    ("The area is 18 m².", "18"),
    ("The area is 18 m^2.", "18"),
    ("The area is 18 cm^{2}.", "18"),
    ("x = 5", "5"),
    ("\\[ x = \\frac{10}{2} = 5 \\]", "5"),
    ("\\boxed{42}", "42"),
    ("$\\boxed{1{,}250}$", "1250"),
    ("$1,\\!250$", "1250"),
    ("<think>Maybe 40? 41?</think>The answer is 42.", "42"),
    ("hmm 40, 41...\n</think>\n\n42", "42"),
    ("<think>40, 41", None),
    ("(18)", "18"),
    ("`18`", "18"),
    ("__18__", "18"),
    ("18.", "18"),
    ("18\n", "18"),
    ("答案是１８。", "18"),
    ("الجواب هو ٤٢.", "42"),
    ("उत्तर ४२ है", "42"),
    ("I cannot determine that.", None),
    ("The answer is 0.", "0"),
    ("The answer is 29.00", "29"),
    ("The answer is .5", "0.5"),
    ("Total = 3 + 4 = 7", "7"),
    ("The answer is 3 + 4 = 7", "7"),
    ("The answer is 7 (3 boys and 4 girls).", "7"),
    ("#### 7\n\nLet me know if you have 1 more question!", "7"),
    ("The ratio is 3:2, so he gets 60", "60"),
    ("The meeting ends at 3:30.", None),
]
CHOICES = [
    # answer, the letter of A to D that is chosen
    ("B", "B"),
    (" B", "B"),
    ("(B)", "B"),
    ("B.", "B"),
    ("b", "B"),
    ("b)", "B"),
    ("**B**", "B"),
    ("**B.** Mitochondria", "B"),
    ("B) Mitochondria", "B"),
    ("B: Mitochondria", "B"),
    ("[B]", "B"),
    ("\\boxed{B}", "B"),
    ("$\\boxed{\\text{B}}$", "B"),
    ("$\\boxed{\\textbf{(B)}}$", "B"),
    ("Answer: B", "B"),
    ("Answer: (b)", "B"),
    ("**Answer:** **B**", "B"),
    ("The answer is B.", "B"),
    ("The answer is (B) Mitochondria.", "B"),
    ("The answer is option B because it makes ATP.", "B"),
    ("The correct answer is **B) Mitochondria**.", "B"),
    ("The correct option is: B", "B"),
    ("Option B is correct.", "B"),
    ("I would choose option (B).", "B"),
    ("I think the answer is B", "B"),
    ("I believe it is B.", "B"),
    ("A cell makes energy in its mitochondria, so the answer is B.", "B"),
    ("A is incorrect because the nucleus stores DNA. B is correct.", "B"),
    ("The answer is not A but B.", "B"),
    ("Not A. Not C. So B.", "B"),
    ("Let's go through them.\n\nA) no\nB) yes\nC) no\nD) no\n\nAnswer: B", "B"),
    ("Explanation: a cell needs energy.\n\nFinal answer: B", "B"),
    ("### Answer\n\nB", "B"),
    ("<think>A? C? The answer is A... no.</think>\n\nB", "B"),
    ("<think>The answer is A", None),
    ("A", "A"),
    ("a", "A"),
    ("The answer is A", "A"),
    ("The answer is A because it is round.", "A"),
    ("Answer: A\n\nBecause a ball is round.", "A"),
    ("A. Paris", "A"),
    ("A mitochondrion", None),
    ("It is a mitochondrion.", None),
    ("I am not sure.", None),
    ("Ｂ", "B"),
    ("“B”", "B"),
    ("答案是B。", "B"),
    ("Die Antwort ist B.", "B"),
    ("La réponse est (B).", "B"),
    ("The best answer is D.", "D"),
    ("(D) is the best choice.", "D"),
    ("Vitamin D deficiency, i.e. (C)", "C"),
    ("Choice C fits best", "C"),
]
TEXTS = [
    # options, answer, reference, right
    ({"ignore_case": True}, "ＰＡＲＩＳ", "paris", True),
    ({}, "Zu\u0308rich", "Zürich", True),
    ({}, "“Paris”", '"Paris"', True),
    ({"ignore_punctuation": True}, "“Paris”", "Paris", True),
    ({"ignore_punctuation": True}, "«Paris»", "Paris", True),
    ({}, "Côte d’Ivoire", "Côte d'Ivoire", True),
    ({}, "1939–1945", "1939-1945", True),
    ({}, "New\u00a0York", "New York", True),
    ({}, "co\u00adoperate", "cooperate", True),
    ({}, "\u200bParis", "Paris", True),
    ({}, "ﬁne", "fine", True),
    ({}, "٤٢", "42", True),
    ({}, "５", "5", True),
    ({}, "5²", "52", False),
    ({}, "½", "12", False),
    ({}, "resume", "résumé", False),
    ({"ignore_case": True}, "ÉCOLE", "école", True),
    ({"ignore_typography": False}, "Zu\u0308rich", "Zürich", False),
    ({"separator": "|", "ignore_case": True}, "Türkiye", "turkey|tu\u0308rkiye", True),
    ({}, "<think>Rome?</think>Paris", "Paris", True),
]
JSON = [
    # answer, value at the key `answer`
    ('{"answer": "Paris"}', "Paris"),
    ('```json\n{\n  "answer": "Paris",\n  "why": "capital"\n}\n```', "Paris"),
    ('Sure! Here is the JSON:\n\n{"answer": "Paris"}\n\nHope {this} helps.', "Paris"),
    ('{"thought": {"a": 1}, "answer": 42}', "42"),
    ('{"answer": null}', None),
    ('{"why": "no idea"}', None),
    ('{"why": "a"} {"answer": "Paris"}', "Paris"),
    ('{"answer": true}', "true"),
    ('{"answer": 1.5}', "1.5"),
    ('{"answer": ["b", "a"]}', '["b","a"]'),
    ('{"answer": ""}', None),
    ("{'answer': 'Paris', 'sure': True}", "Paris"),
    ("{'answer': None}", None),
    ('{"answer": "It is\nParis"}', "It is Paris"),
    ('{"answer": "Paris"', None),
    ('{"answer": NaN}', None),
    ('[{"answer": "Paris"}]', "Paris"),
    ('<think>{"answer": "Rome"}</think>{"answer": "Paris"}', "Paris"),
    ('{"answer": "\\ud83d"}', "?"),
    ("no JSON", None),
]
MATH = [
    # answer, reference, right
    (r"Thus $x=\boxed{\frac{1}{2}}$.", r"\frac{1}{2}", True),
    (r"\[ \boxed{\dfrac{1}{2}} \]", r"\frac{1}{2}", True),
    (r"$\boxed{\tfrac12}$", r"\frac{1}{2}", True),
    (r"$\boxed{0.5}$", r"\frac{1}{2}", True),
    (r"$\boxed{1/2}$", r"\frac{1}{2}", True),
    (r"$\boxed{\boxed{7}}$", "7", True),
    (r"$\fbox{7}$", "7", True),
    (r"$\boxed 7$", "7", True),
    ("The final answer is $7$. I hope it is correct.", "7", True),
    ("The answer is 7.", "7", True),
    ("Therefore, the answer is $\\frac{7}{2}$, since 7 is odd.", r"\frac{7}{2}", True),
    ("**Final Answer**\n\n$$7$$", "7", True),
    ("### Final Answer:\n\\[\n7\n\\]", "7", True),
    (r"\boxed{x = 7}", "7", True),
    (r"\boxed{7 \text{ cm}}", "7", True),
    (r"\boxed{7\text{ cm}^2}", "7", True),
    (r"\boxed{50\%}", "50", True),
    (r"\boxed{90^\circ}", "90", True),
    (r"\boxed{90}", r"90^\circ", True),
    (r"\boxed{\$18.90}", "18.90", True),
    (r"The answer is $\$18.90$.", "18.90", True),
    (r"\boxed{10,\!000}", "10000", True),
    (r"\boxed{10{,}000}", "10,000", True),
    (r"\boxed{1,234.5}", "1234.5", True),
    (r"\boxed{5\frac{1}{2}}", r"\frac{11}{2}", True),
    (r"\boxed{\text{even}}", r"\text{even}", True),
    (r"\boxed{even}", r"\text{even}", True),
    (r"\boxed{\text{odd}}", r"\text{even}", False),
    (r"\boxed{\text{(C)}}", r"\text{(C)}", True),
    (r"\boxed{C}", r"\text{(C)}", True),
    (r"\boxed{3\sqrt2}", r"3\sqrt{2}", True),
    (r"\boxed{\sqrt13}", r"\sqrt{13}", True),
    (r"\boxed{2 \pm \sqrt{3}}", r"2+\sqrt{3}, 2-\sqrt{3}", True),
    (r"\boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    (r"\boxed{\begin{bmatrix} 1 \\[4pt] 2 \end{bmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    (r"\boxed{\begin{pmatrix} 1 \\ 3 \end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", False),
    (r"\boxed{\begin{pmatrix} 2 \\ 1 \end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", False),
    (r"\boxed{(-\infty, 2) \cup [3, \infty)}", r"(-\infty,2)\cup[3,\infty)", True),
    (r"\boxed{(-\infty, 2] \cup [3, \infty)}", r"(-\infty,2)\cup[3,\infty)", False),
    (r"\boxed{x \in [1, 2]}", "[1,2]", True),
    (r"\boxed{(1,2)}", "[1,2]", False),
    (r"\boxed{\{3, 1, 2\}}", r"\{1,2,3\}", True),
    (r"\boxed{\left( 3, \frac{\pi}{2} \right)}", r"\left( 3, \frac{\pi}{2} \right)", True),
    (r"\boxed{(2, 1)}", "(1,2)", False),
    (r"\boxed{1011_2}", "1011_{2}", True),
    (r"\boxed{1011_3}", "1011_{2}", False),
    (r"\boxed{0.\overline{3}}", r"\frac{1}{3}", True),
    ("The answer is −3.", "-3", True),
    ("The answer is 2π.", r"2\pi", True),
    ("The answer is √2.", r"\sqrt{2}", True),
    ("<think>\\boxed{6}</think>The answer is \\boxed{7}", "7", True),
    ("<think>so \\boxed{7}", "7", False),
    ("I do not know.", "7", False),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "number"), NUMBERS)
def test_numbers(answer, number):
    assert extractor(NUMBER, NumberScorer().normal_form)(answer) == number


@pytest.mark.parametrize(("answer", "letter"), CHOICES)
def test_choices(answer, letter):
    assert extractor([Choice(labels=("A", "B", "C", "D"))], Exact().normal_form)(answer) == letter


@pytest.mark.parametrize(("options", "answer", "reference", "right"), TEXTS)
def test_texts(options, answer, reference, right):
    scorer = Exact(**options)
    found = extractor([Line()], scorer.normal_form)(answer)
    assert scorer.score(found, Example(id="1", fields={}, reference=reference)) == right


@pytest.mark.parametrize(("answer", "value"), JSON)
def test_json(answer, value):
    assert extractor([Json(key="answer")], Exact().normal_form)(answer) == value


@pytest.mark.parametrize(("answer", "reference", "right"), MATH)
def test_mathematics(answer, reference, right):
    pytest.importorskip("math_verify", reason="math-verify is of the extra math")
    from infertune.tasks.scorers.math import MathEquivalence

    scorer = MathEquivalence()
    found = extractor([Boxed(), Final()], scorer.normal_form)(answer)
    score = 0.0 if found is None else scorer.score(found, Example(id="1", fields={}, reference=reference))
    assert score == right, found
