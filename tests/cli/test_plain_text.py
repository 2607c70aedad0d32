"""Docstrings as they are shown on a terminal."""

import pytest

from dynplug.cli.plain_text import plain_text
from dynplug.cli.unicode_math import in_unicode


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I(V)", "τ dV/dt = -(V - V_rest) + R I(V)"),
        (r"g_L \Delta_T \exp\!\left(\frac{V - V_T}{\Delta_T}\right)", "g_L Δ_T exp((V - V_T) / Δ_T)"),
        (r"\frac{0.1\,(V + 40)}{1 - e^{-(V + 40)/10}}", "0.1 (V + 40) / (1 - e^(-(V + 40)/10))"),
        (r"w\,\frac{t}{\tau}\,e^{1 - t/\tau}", "w (t/τ) e^(1 - t/τ)"),  # a fraction within a product
        (r"\tau \ln\frac{x}{x - \theta}", "τ ln (x / (x - θ))"),  # or of which a function is taken
        (r"\frac{1}{\tau C}", "1 / (τ C)"),
        (r"\frac12 x", "(1/2) x"),
        (r"-\frac{a}{2\pi}", "-a/(2π)"),
        (r"\frac{a_1 + a_2}{f(x)}", "(a₁ + a₂) / f(x)"),
        (r"(\sigma\sqrt{2\pi})^{-1}", "(σ√(2π))⁻¹"),
        (r"g_\mathrm{Na} m^3 h", "g_Na m³ h"),
        (r"\beta_1^t, S_{t+1}, w_{ij}, w_t^{(i)}, x^{10}, {g_t}^2", "β₁^t, S_(t+1), w_ij, w_t^(i), x¹⁰, g_t²"),
        (r"{a + b}^2", "(a + b)²"),
        (r"\hat{m}_t, \bar y, \hat{ab}", "m̂_t, ȳ, hat(ab)"),
        (r"x \in \{m, h\}, \lambda \leq \Lambda", "x ∈ {m, h}, λ ≤ Λ"),
        (r"a, \qquad b", "a,   b"),
        (r"\partial f / \partial y, \Delta t", "∂f / ∂y, Δt"),
        (r"\mathcal N(x; \mu)", "N(x; μ)"),
        (r"\operatorname{diag}(x) \softmax y", "diag(x) softmax y"),  # what is not known stands under its name
        (r"V \ge \text{the threshold}", "V ≥ the threshold"),
        (r"\begin{align*} a &= b \\ c &= d \end{align*}", "a = b\nc = d"),
        (r"x = \begin{cases} 1 & \text{if } a \\ 0 & \text{else} \end{cases}", "x = {1 if a; 0 else}"),
        (r"\frac{", "/"),
        ("} ^ _ { \\", "^(_)"),
    ],
)
def test_formulas_become_unicode(latex, text):
    assert in_unicode(latex) == text


def test_a_formula_that_is_nested_beyond_reason_is_left_alone():
    nested = "{" * 5000
    assert in_unicode(nested) == nested


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("One.\n\n$$a^2\n  + b$$\n\nTwo.", "One.\n\n    a² + b\n\nTwo."),
        ("With $a^2$ and $b$, for $5 or $6.", "With a² and b, for $5 or $6."),
        ("Let :math:`\\alpha_t`\nbe.", "Let α_t\nbe."),
        ("See.\n\n.. math::\n\n  a &= b \\\\\n  c &= d\n\nAfter.", "See.\n\n    a = b\n    c = d\n\nAfter."),
        (
            "**Arguments:**\n\n- `x`: of **all**, 2**n and 3**m, f(**a).",
            "Arguments:\n\n- `x`: of all, 2**n and 3**m, f(**a).",
        ),
        ("``a`` and :func:`~optax.adam`", "`a` and `optax.adam`"),
        ("Kingma, `Adam: A\n  Method <https://x.org>`_, 2014", "Kingma, Adam: A\n  Method <https://x.org>, 2014"),
        (".. warning::\n  It is.\n\n.. seealso:: :class:`A`", "Warning:\n  It is.\n\nSee also: `A`"),
        (".. versionadded:: 0.1.9", "Added in 0.1.9"),
        ('??? cite "Reference"\n\n    Text.\n\n!!! tip\n    More.', "Reference:\n\n    Text.\n\nTip:\n    More."),
        ("[`diffrax.Euler`][] and [the site](https://x.org)", "`diffrax.Euler` and the site <https://x.org>"),
        ("Runge--Kutta", "Runge–Kutta"),
        ("As\n\n```python\na = ``b``  # $c$\n```\nend.", "As\n\n    a = ``b``  # $c$\nend."),  # code stays as it is
        ("A\n\n    ```bibtex\n    @misc{a--b}\n    ```\n", "A\n\n    @misc{a--b}"),
        (">>> print(f'{a:.2f}')\n0.10", ">>> print(f'{a:.2f}')\n0.10"),
    ],
)
def test_markup_of_any_generator_is_dropped(text, plain):
    assert plain_text(text) == plain
