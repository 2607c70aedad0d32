r"""Optax's optimizers and schedules, whose equations, arguments and sources are stated here.

In the equations $\theta$ are the parameters, $g_t$ the gradient at step $t$ = 1, 2, ..., $\eta$ the learning rate. All
operations are elementwise, and moments start at zero, unless stated otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dynplug.api import OptimizerSpec, ScheduleSpec, hookimpl

_MOMENTS = r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\,g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2)\,g_t^2"
_UNBIASED = r"\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}"
_NESTEROV = (
    r"\hat m_t = \frac{\beta_1 m_t}{1 - \beta_1^{t+1}} + \frac{(1 - \beta_1)\,g_t}{1 - \beta_1^t}, \qquad "
    r"\hat v_t = \frac{v_t}{1 - \beta_2^t}"
)
_ADAM = r"\theta_t = \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t + \bar\epsilon} + \epsilon}"
_DECAYED = (
    r"\theta_t = \theta_{t-1} - \eta \left(\frac{\hat m_t}{\sqrt{\hat v_t + \bar\epsilon} + \epsilon} "
    r"+ \lambda\,\theta_{t-1}\right)"
)
_MAXIMUM = (
    r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\,g_t, \qquad u_t = \max(\beta_2 u_{t-1},\ |g_t| + \epsilon)",
    r"\hat m_t = \frac{m_t}{1 - \beta_1^t}",
)

_KINGMA = "Kingma, D. P. & Ba, J. (2015), Adam: a method for stochastic optimization, arXiv:1412.6980"
_LOSHCHILOV = "Loshchilov, I. & Hutter, F. (2019), Decoupled weight decay regularization, arXiv:1711.05101"
_DOZAT = "Dozat, T. (2016), Incorporating Nesterov momentum into Adam, ICLR workshop"


@dataclass(frozen=True)
class _Stated:
    """The documentation of an optimizer: its summary, its update rule and its source."""

    summary: str
    equations: tuple[str, ...]
    source: str
    rate: float = 1e-3


_OPTIMIZERS = {
    "adam": _Stated(
        "adaptive step sizes from first and second moments of the gradients", (_MOMENTS, _UNBIASED, _ADAM), _KINGMA
    ),
    "adamw": _Stated("Adam with decoupled weight decay", (_MOMENTS, _UNBIASED, _DECAYED), _LOSHCHILOV),
    "sgd": _Stated(
        "stochastic gradient descent, optionally with (Nesterov) momentum",
        (r"u_t = \mu u_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \eta\,u_t",),
        "Robbins, H. & Monro, S. (1951), A stochastic approximation method, doi:10.1214/aoms/1177729586",
    ),
    "rmsprop": _Stated(
        "gradients divided by a running root mean square",
        (
            r"v_t = \gamma v_{t-1} + (1 - \gamma)\,g_t^2, \qquad "
            r"\theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t + \epsilon}}",
        ),
        "Tieleman, T. & Hinton, G. (2012), Lecture 6.5, RMSProp, Neural Networks for Machine Learning, Coursera; "
        "centred as in Graves, A. (2013), Generating sequences with recurrent neural networks, arXiv:1308.0850",
    ),
    "adagrad": _Stated(
        "gradients divided by the root of the sum of all their squares",
        (r"v_t = v_{t-1} + g_t^2, \qquad \theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t + \epsilon}}",),
        "Duchi, J., Hazan, E. & Singer, Y. (2011), Adaptive subgradient methods for online learning and stochastic "
        "optimization, JMLR 12, 2121-2159",
    ),
    "adabelief": _Stated(
        "Adam with the variance of the gradients about their mean",
        (
            r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\,g_t, \qquad "
            r"s_t = \beta_2 s_{t-1} + (1 - \beta_2)\,(g_t - m_t)^2 + \bar\epsilon",
            r"\theta_t = \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}, \qquad "
            r"\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat s_t = \frac{s_t}{1 - \beta_2^t}",
        ),
        "Zhuang, J. et al. (2020), AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, "
        "arXiv:2010.07468",
    ),
    "nadam": _Stated("Adam with Nesterov momentum", (_MOMENTS, _NESTEROV, _ADAM), _DOZAT),
    "radam": _Stated(
        "Adam with a rectified variance in the first steps",
        (
            _MOMENTS,
            r"\rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad "
            r"\rho_t = \rho_\infty - \frac{2\,t\,\beta_2^t}{1 - \beta_2^t}, \qquad "
            r"r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\,\rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2)\,\rho_t}}",
            r"\theta_t = \theta_{t-1} - \eta\, r_t\,\frac{\hat m_t}{\sqrt{\hat v_t + \bar\epsilon} + \epsilon} "
            r"\ \text{ if } \rho_t \ge \rho_\mathrm{min}, \text{ else }\ \theta_{t-1} - \eta\,\hat m_t",
        ),
        "Liu, L. et al. (2020), On the variance of the adaptive learning rate and beyond, arXiv:1908.03265",
    ),
    "lion": _Stated(
        "sign of an interpolated momentum, with weight decay",
        (
            r"\theta_t = \theta_{t-1} - \eta\left(\mathrm{sign}(\beta_1 m_{t-1} + (1 - \beta_1)\,g_t) "
            r"+ \lambda\,\theta_{t-1}\right), \qquad m_t = \beta_2 m_{t-1} + (1 - \beta_2)\,g_t",
        ),
        "Chen, X. et al. (2023), Symbolic discovery of optimization algorithms, arXiv:2302.06675",
    ),
    "adadelta": _Stated(
        "step sizes from running averages of squared gradients and updates",
        (
            r"v_t = \rho v_{t-1} + (1 - \rho)\,g_t^2, \qquad "
            r"\delta_t = \frac{\sqrt{x_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\,g_t",
            r"x_t = \rho x_{t-1} + (1 - \rho)\,\delta_t^2, \qquad \theta_t = \theta_{t-1} - \eta\,\delta_t",
        ),
        "Zeiler, M. D. (2012), ADADELTA: an adaptive learning rate method, arXiv:1212.5701",
        rate=1.0,
    ),
    "adamax": _Stated(
        "Adam with the maximum norm in place of the second moment",
        (*_MAXIMUM, r"\theta_t = \theta_{t-1} - \eta\,\frac{\hat m_t}{u_t}"),
        _KINGMA,
    ),
    "adamaxw": _Stated(
        "Adamax with decoupled weight decay",
        (*_MAXIMUM, r"\theta_t = \theta_{t-1} - \eta\left(\frac{\hat m_t}{u_t} + \lambda\,\theta_{t-1}\right)"),
        f"{_LOSHCHILOV}; Adamax as in arXiv:1412.6980",
    ),
    "amsgrad": _Stated(
        "Adam with the largest second moment so far",
        (
            _MOMENTS,
            _UNBIASED,
            r"w_t = \max(w_{t-1}, \hat v_t), \qquad "
            r"\theta_t = \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{w_t + \bar\epsilon} + \epsilon}",
        ),
        "Reddi, S. J., Kale, S. & Kumar, S. (2018), On the convergence of Adam and beyond, arXiv:1904.09237",
    ),
    "lamb": _Stated(
        "Adam with step sizes scaled layer by layer, for large batches",
        (
            _MOMENTS,
            _UNBIASED,
            r"r_t = \frac{\hat m_t}{\sqrt{\hat v_t + \bar\epsilon} + \epsilon} + \lambda\,\theta_{t-1}, \qquad "
            r"\theta_t = \theta_{t-1} - \eta\,\frac{\|\theta_{t-1}\|}{\|r_t\|}\,r_t "
            r"\quad \text{for each array of parameters}",
        ),
        "You, Y. et al. (2020), Large batch optimization for deep learning: training BERT in 76 minutes, "
        "arXiv:1904.00962",
    ),
    "lars": _Stated(
        "momentum with step sizes scaled layer by layer, for large batches",
        (
            r"d_t = g_t + \lambda\,\theta_{t-1}, \qquad "
            r"u_t = \mu u_{t-1} + \eta\,\kappa\,\frac{\|\theta_{t-1}\|}{\|d_t\| + \epsilon}\,d_t, \qquad "
            r"\theta_t = \theta_{t-1} - u_t \quad \text{for each array of parameters}",
        ),
        "You, Y., Gitman, I. & Ginsburg, B. (2017), Large batch training of convolutional networks, arXiv:1708.03888",
        rate=1.0,
    ),
    "nadamw": _Stated(
        "NAdam with decoupled weight decay",
        (_MOMENTS, _NESTEROV, _DECAYED),
        f"{_LOSHCHILOV}; NAdam by Dozat, T. (2016)",
    ),
    "novograd": _Stated(
        "Adam with one second moment per layer",
        (
            r"v_t = \beta_2 v_{t-1} + (1 - \beta_2)\,\|g_t\|^2, \qquad "
            r"m_t = \beta_1 m_{t-1} + \frac{g_t}{\sqrt{v_t + \bar\epsilon} + \epsilon} + \lambda\,\theta_{t-1}",
            r"\theta_t = \theta_{t-1} - \eta\,m_t, \qquad v_1 = \|g_1\|^2 \quad \text{for each array of parameters}",
        ),
        "Ginsburg, B. et al. (2019), Stochastic gradient methods with layer-wise adaptive moments for training of deep "
        "networks, arXiv:1905.11286",
    ),
    "yogi": _Stated(
        "Adam whose second moment changes additively",
        (
            r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\,g_t, \qquad "
            r"v_t = v_{t-1} - (1 - \beta_2)\,\mathrm{sign}(v_{t-1} - g_t^2)\,g_t^2, "
            r"\qquad m_0 = v_0 = 10^{-6}",
            _UNBIASED,
            r"\theta_t = \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}",
        ),
        "Zaheer, M. et al. (2018), Adaptive methods for nonconvex optimization, NeurIPS 31",
    ),
}

_ARGUMENTS: Mapping[str, str] = {
    "learning_rate": r"$\eta$, a number or a schedule [-].",
    "b1": r"$\beta_1$, the decay of the first moment [-].",
    "b2": r"$\beta_2$, the decay of the second moment [-].",
    "eps": r"$\epsilon$, which keeps a denominator from zero [-].",
    "eps_root": r"$\bar\epsilon$, the same within the root, so that it has a derivative at zero [-].",
    "mu_dtype": "the dtype of the first moment; `None` for that of the parameters.",
    "accumulator_dtype": "the dtype of the momentum; `None` for that of the parameters.",
    "nesterov": "whether momentum is Nesterov's, which looks one step ahead.",
    "momentum": r"$\mu$, the decay of the momentum; `None` for none [-].",
    "weight_decay": r"$\lambda$, the strength of the weight decay [-].",
    "mask": "which parameters decay: booleans in the structure of the parameters, or a function of these.",
    "weight_decay_mask": "which parameters decay: booleans in the structure of the parameters, or a function of these.",
    "decay": r"$\gamma$, the decay of the mean square [-].",
    "rho": r"$\rho$, the decay of both averages [-].",
    "initial_scale": "the mean square before the first step [-].",
    "initial_accumulator_value": "$v_0$, the sum of squares before the first step [-].",
    "eps_in_sqrt": r"whether $\epsilon$ is within the root, or beside it.",
    "centered": "whether the mean square is that about the mean gradient.",
    "bias_correction": r"whether the mean square is divided by $1 - \gamma^t$.",
    "bias_correction_mu": r"whether the first moment is divided by $1 - \beta_1^t$.",
    "bias_correction_nu": r"whether the second moment is divided by $1 - \beta_2^t$.",
    "threshold": r"$\rho_\mathrm{min}$, the length of the average from which on the variance is trusted [-].",
    "trust_coefficient": r"$\kappa$, the share of its norm by which an array of parameters may change [-].",
    "trust_ratio_mask": "which parameters have step sizes of their own, given as for a mask.",
}


@hookimpl
def dynplug_register_optimizers() -> list[OptimizerSpec]:
    """Optax's optimizers that need no more than a learning rate, and two that wrap another optimizer."""
    inner = {"type": "adam", "learning_rate": 1e-3}
    return [
        *(
            OptimizerSpec(
                name=name,
                target=f"optax:{name}",
                summary=told.summary,
                example={"learning_rate": told.rate},
                arguments=_ARGUMENTS,
                equations=told.equations,
                citation=told.source,
            )
            for name, told in _OPTIMIZERS.items()
        ),
        OptimizerSpec(
            name="clip_by_global_norm",
            target="dynplug.train.step:clip_by_global_norm",
            summary="another optimizer, with the norm of its gradients clipped",
            example={"optimizer": inner, "max_norm": 1.0},
        ),
        OptimizerSpec(
            name="accumulate",
            target="dynplug.train.step:accumulate",
            summary="another optimizer, stepping once for several batches",
            aliases=("MultiSteps",),
            example={"optimizer": inner, "steps": 1},
        ),
    ]


_PARTS: Mapping[str, str] = {
    "value": "the value [-].",
    "init_value": "$a$, the value at the start [-].",
    "peak_value": "$p$, the largest value [-].",
    "end_value": "$b$, the value at the end, or the bound of it; `None` for no bound [-].",
    "power": "$k$, the exponent [-].",
    "transition_steps": "$n$, the number of steps of the transition.",
    "transition_begin": "$i_0$, the step at which the transition begins.",
    "decay_rate": r"$\gamma$, the factor by which the value changes in $n$ steps [-].",
    "decay_steps": "$n$, the number of steps to the end, those of a warm-up included.",
    "staircase": "whether the exponent is rounded down, so that the value changes every $n$ steps.",
    "alpha": r"$\alpha$, the share of the value that is left at the end [-].",
    "exponent": "$k$, the exponent of the decay [-].",
    "warmup_steps": "$w$, the number of steps of the warm-up.",
    "pct_start": "$q$, the share of the steps in which the value rises [-].",
    "pct_final": "$r$, the share of the steps after which it has fallen to where it began [-].",
    "div_factor": "$d$: the value begins at $p / d$ [-].",
    "final_div_factor": "$f$: the value ends at $p / (d f)$ [-].",
}

_SMITH = (
    "Smith, L. N. & Topin, N. (2019), Super-convergence: very fast training of neural networks using large learning "
    "rates, arXiv:1708.07120"
)
_SGDR = "Loshchilov, I. & Hutter, F. (2017), SGDR: stochastic gradient descent with warm restarts, arXiv:1608.03983"
_GOYAL = "Goyal, P. et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1 hour, arXiv:1706.02677"
_SENIOR = (
    "Senior, A. et al. (2013), An empirical study of learning rates in deep neural networks for speech recognition, "
    "doi:10.1109/ICASSP.2013.6638963"
)
_WARMUP = r"y_i = a + (p - a)\,\frac{i}{w} \quad (i < w)"
_COSINE = r"c(x) = \tfrac12 (1 + \cos \pi x)"


@hookimpl
def dynplug_register_schedules() -> list[ScheduleSpec]:
    """Optax's schedules that are made of numbers."""

    def schedule(
        name: str, summary: str, source: str, equations: tuple[str, ...], **example: float | int
    ) -> ScheduleSpec:
        return ScheduleSpec(
            name=name,
            target=f"optax:{name}",
            summary=summary,
            example=example,
            arguments=_PARTS,
            equations=equations,
            citation=source,
        )

    up: dict[str, float | int] = {"init_value": 0.0, "peak_value": 1e-3, "warmup_steps": 10}
    return [
        schedule(
            "constant_schedule",
            "a constant",
            "Bottou, L., Curtis, F. E. & Nocedal, J. (2018), Optimization methods for large-scale machine learning, "
            "doi:10.1137/16M1080173",
            (r"y_i = \mathrm{value}",),
            value=1e-3,
        ),
        schedule(
            "linear_schedule",
            "linear from one value to another",
            "Defazio, A. et al. (2023), Optimal linear decay learning rate schedules and further refinements, "
            "arXiv:2310.07831",
            (r"y_i = b + (a - b)\left(1 - \frac{j}{n}\right), \qquad j = \min(\max(i - i_0, 0), n)",),
            init_value=1e-3,
            end_value=0.0,
            transition_steps=100,
        ),
        schedule(
            "polynomial_schedule",
            "polynomial from one value to another",
            "Chen, L.-C. et al. (2018), DeepLab: semantic image segmentation with deep convolutional nets, atrous "
            "convolution, and fully connected CRFs, doi:10.1109/TPAMI.2017.2699184",
            (r"y_i = b + (a - b)\left(1 - \frac{j}{n}\right)^k, \qquad j = \min(\max(i - i_0, 0), n)",),
            init_value=1e-3,
            end_value=0.0,
            power=2.0,
            transition_steps=100,
        ),
        schedule(
            "exponential_decay",
            "exponential decay",
            _SENIOR,
            (r"y_i = a\,\gamma^{\max(i - i_0, 0) / n}",),
            init_value=1e-3,
            transition_steps=100,
            decay_rate=0.9,
        ),
        schedule(
            "cosine_decay_schedule",
            "cosine decay",
            _SGDR,
            (rf"y_i = a\left((1 - \alpha)\,c(\min(i, n) / n)^k + \alpha\right), \qquad {_COSINE}",),
            init_value=1e-3,
            decay_steps=100,
        ),
        schedule(
            "cosine_onecycle_schedule",
            "one cycle: cosine rise, then decay",
            _SMITH,
            (
                r"y_i = p + \left(\frac{p}{d} - p\right) c\!\left(\frac{i}{q n}\right) \quad (i < q n)",
                r"y_i = \frac{p}{d f} + \left(p - \frac{p}{d f}\right) c\!\left(\frac{i - q n}{n - q n}\right) "
                rf"\quad (q n \le i < n), \qquad {_COSINE}",
            ),
            peak_value=1e-3,
            transition_steps=100,
        ),
        schedule(
            "linear_onecycle_schedule",
            "one cycle: linear rise, then decay",
            _SMITH,
            (
                r"y_0 = \frac{p}{d}, \qquad y_{q n} = p, \qquad y_{r n} = \frac{p}{d}, \qquad "
                r"y_n = \frac{p}{d f}, \qquad \text{linear in between}",
            ),
            peak_value=1e-3,
            transition_steps=100,
        ),
        schedule(
            "warmup_constant_schedule",
            "linear warm-up, then constant",
            _GOYAL,
            (_WARMUP, r"y_i = p \quad (i \ge w)"),
            **up,
        ),
        schedule(
            "warmup_cosine_decay_schedule",
            "linear warm-up, then cosine decay",
            _SGDR,
            (
                _WARMUP,
                r"y_i = b + (p - b)\,c\!\left(\frac{\min(i, n) - w}{n - w}\right) \quad (i \ge w,\ k = 1), \qquad "
                + _COSINE,
            ),
            **up,
            decay_steps=100,
        ),
        schedule(
            "warmup_exponential_decay_schedule",
            "linear warm-up, then exponential decay",
            _GOYAL,
            (_WARMUP, r"y_i = p\,\gamma^{\max(i - w - i_0, 0) / n} \quad (i \ge w)"),
            **up,
            transition_steps=100,
            decay_rate=0.9,
        ),
    ]
