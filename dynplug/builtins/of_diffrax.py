"""Exponential Euler, and diffrax's solvers of ordinary differential equations, whose equations are stated here."""

from dynplug.api import IntegratorSpec, hookimpl

_HAIRER = (
    "Hairer, E., Nørsett, S. P. & Wanner, G. (1993), Solving ordinary differential equations I, section II.1, "
    "doi:10.1007/978-3-540-78862-1"
)
_STIFF = (
    "Hairer, E. & Wanner, G. (1996), Solving ordinary differential equations II, section IV.3, "
    "doi:10.1007/978-3-642-05221-7"
)
_KVAERNO = (
    "Kværnø, A. (2004), Singly diagonally implicit Runge-Kutta methods with an explicit first stage, "
    "doi:10.1023/B:BITN.0000046811.70614.38"
)
_TSITOURAS = """@article{tsitouras2011runge,
  title = {Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption},
  author = {Tsitouras, Ch.},
  journal = {Computers \\& Mathematics with Applications},
  volume = {62},
  number = {2},
  pages = {770--775},
  year = {2011},
  doi = {10.1016/j.camwa.2011.06.002},
}"""
_STAGES = (
    r"k_i = f\Big(t_n + c_i h,\ y_n + h \sum_{{j < i}} a_{{ij}} k_j\Big), \qquad "
    r"y_{{n+1}} = y_n + h \sum_{{i=1}}^{{{}}} b_i k_i"
)
_IMPLICIT = (
    r"k_i = f\Big(t_n + c_i h,\ y_n + h \sum_{{j \le i}} a_{{ij}} k_j\Big), \qquad "
    r"a_{{11}} = 0, \quad a_{{ii}} = \gamma\ (i > 1), \qquad y_{{n+1}} = y_n + h \sum_{{i=1}}^{{{}}} b_i k_i"
)
_FIRST = r"k_1 = f(t_n, y_n), \qquad "

_EXPLICIT = {
    "Euler": ("explicit Euler, order 1", (r"y_{n+1} = y_n + h\,f(t_n, y_n)",), _HAIRER),
    "Heun": (
        "Heun, explicit, order 2",
        (_FIRST + r"k_2 = f(t_n + h,\ y_n + h k_1), \qquad y_{n+1} = y_n + \frac h2 (k_1 + k_2)",),
        _HAIRER,
    ),
    "Midpoint": (
        "midpoint rule, explicit, order 2",
        (_FIRST + r"y_{n+1} = y_n + h\,f\!\left(t_n + \tfrac h2,\ y_n + \tfrac h2 k_1\right)",),
        _HAIRER,
    ),
    "Ralston": (
        "Ralston, explicit, order 2",
        (
            _FIRST + r"k_2 = f\!\left(t_n + \tfrac{2h}{3},\ y_n + \tfrac{2h}{3} k_1\right), \qquad "
            r"y_{n+1} = y_n + \frac h4 (k_1 + 3 k_2)",
        ),
        "Ralston, A. (1962), Runge-Kutta methods with minimum error bounds, doi:10.1090/S0025-5718-1962-0150954-0",
    ),
    "Bosh3": (
        "Bogacki-Shampine, explicit, order 3",
        (
            _FIRST + r"k_2 = f\!\left(t_n + \tfrac h2,\ y_n + \tfrac h2 k_1\right), \qquad "
            r"k_3 = f\!\left(t_n + \tfrac{3h}{4},\ y_n + \tfrac{3h}{4} k_2\right)",
            r"y_{n+1} = y_n + \frac h9 (2 k_1 + 3 k_2 + 4 k_3)",
        ),
        "Bogacki, P. & Shampine, L. F. (1989), A 3(2) pair of Runge-Kutta formulas, doi:10.1016/0893-9659(89)90079-7",
    ),
    "Tsit5": (
        "Tsitouras, explicit, order 5",
        (_STAGES.format(6),),
        _TSITOURAS,
    ),
    "Dopri5": (
        "Dormand-Prince, explicit, order 5",
        (_STAGES.format(6),),
        "Dormand, J. R. & Prince, P. J. (1980), A family of embedded Runge-Kutta formulae, "
        "doi:10.1016/0771-050X(80)90013-3",
    ),
    "Dopri8": (
        "Dormand-Prince, explicit, order 8",
        (_STAGES.format(13),),
        "Prince, P. J. & Dormand, J. R. (1981), High order embedded Runge-Kutta formulae, "
        "doi:10.1016/0771-050X(81)90010-3",
    ),
}
_STIFF_ONES = {
    "ImplicitEuler": (
        "implicit Euler, order 1, for stiff equations",
        (r"y_{n+1} = y_n + h\,f(t_n + h, y_{n+1})",),
        _STIFF,
    ),
    "Kvaerno3": ("Kværnø, implicit, order 3, for stiff equations", (_IMPLICIT.format(4),), _KVAERNO),
    "Kvaerno4": ("Kværnø, implicit, order 4, for stiff equations", (_IMPLICIT.format(5),), _KVAERNO),
    "Kvaerno5": ("Kværnø, implicit, order 5, for stiff equations", (_IMPLICIT.format(7),), _KVAERNO),
}
_ARGUMENTS = {"scan_kind": 'how the stages are looped over: `None`, `"lax"`, `"checkpointed"` or `"bounded"`.'}


@hookimpl
def dynplug_register_integrators() -> list[IntegratorSpec]:
    """Exponential Euler, and diffrax's solvers of ordinary differential equations."""
    own = IntegratorSpec(
        name="ExponentialEuler", target="dynplug.integrators:ExponentialEuler", summary="exact for linear equations"
    )
    return [
        own,
        *(
            IntegratorSpec(
                name=name,
                target=f"{home}:{name}",
                summary=summary,
                arguments=_ARGUMENTS,
                equations=equations,
                citation=citation,
            )
            for home, solvers in (("diffrax", _EXPLICIT), ("dynplug.integrators", _STIFF_ONES))
            for name, (summary, equations, citation) in solvers.items()
        ),
    ]
