"""Populations joined by projections."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import equinox as eqx
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, untraced
from dynplug.errors import ParameterError, ShapeError, UnknownPathError, nearest
from dynplug.network.diagram import diagram
from dynplug.network.drawn import child
from dynplug.network.drawn_edge import DrawnEdge
from dynplug.network.edge import as_edge
from dynplug.network.one_step import Step
from dynplug.network.order import in_cycles, in_order
from dynplug.network.routes import check_names, route_of, sizes_of
from dynplug.network.sharing import groups, without_copies

if TYPE_CHECKING:  # no network needs matplotlib
    from matplotlib.figure import Figure


class Network(DynamicalSystem):
    r"""Populations of neurons, joined by projections.

    $$x_p(t) = \mathrm{input}_p(t) + \sum_{e\,\to\,p} \mathrm{drive}_e(t)$$

    In each step, projections that lie in a cycle first deliver what has arrived, from the spikes of the steps before;
    synapses turn it into drives. Then the populations are updated, each with the sum of its drives and of its input,
    those first that reach others without a delay, as in a `Sequential`. At last new spikes set out, and plastic weights
    change. A delay is counted from the step of the spike to that of its arrival.

    The input is a dictionary with values for some populations, `{"E": 0.5}`, or `None`; the output is a dictionary with
    the output of each. With `input_to` and `output_from` they are arrays, so that the network fits between layers: the
    input of one population, and the output of one. The state is a dictionary with the state of each part, so that paths
    are `"E.V"` and `"exc.g"`. Projections with the same targets and equal synapses, whose equations are linear, share
    one array of synapses: it is found at the first of them. Random connections depend on the name of their projection,
    and on no other part.

    ```python
    E = dp.neurons.LIF(80, tau=20.0, V_rest=-60.0, V_th=-50.0, tau_ref=5.0)
    connect = dp.connectors.FixedProbability(0.2)
    net = dp.Network(
        {"E": E, "I": E.with_size(20)},
        {
            "exc": dp.Projection("E", ["E", "I"], connect, weight=0.6, delay=1.5,
                                 synapse=dp.synapses.Exponential(tau=5.0, output=dp.synapses.COBA(0.0))),
            "inh": dp.Projection("I", ["E", "I"], connect, weight=6.7, delay=1.5,
                                 synapse=dp.synapses.Exponential(tau=10.0, output=dp.synapses.COBA(-80.0))),
        },
        key=jax.random.key(0),
    )
    runner = dp.DSRunner(net, dt=0.1, monitors=["E.spike", "exc.g"], key=jax.random.key(1))
    runner.run(20.0, inputs={"E": 20.0})
    ```

    **Arguments:**

    - `nodes`: the populations by name: any systems with a known size.
    - `edges`: the projections by name: each a `Projection`, a `Coupling` or a `GapJunction`, or a dictionary with the
        arguments of one, as a configuration has them; a coupling's have `form` among them, a junction's `g`.
    - `input_to`: the population that receives an input which is no dictionary.
    - `output_from`: the population whose output is that of the network.
    - `key`: a `jax.random.key` for connections and weights that are drawn, on the host: within `jax.jit` and the like
        it is a `TracedError`.

    **Raises:** `AlgebraicLoopError` for a cycle without a delay; `UnknownPathError` for a projection of an unknown
    population; `CompositionError` for names that stand twice, for parts without names and for what is no system;
    `ShapeError` for parts that do not fit; `NetworkMemoryError` before more memory is taken than there is;
    `KeyRequiredError`; `TracedError` within `jax.jit` and the like.

    **Reference:** Brette, R. et al. (2007), Simulation of networks of spiking neurons: a review of tools and
    strategies, doi:10.1007/s10827-007-0038-6.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    systems: tuple[DynamicalSystem, ...]
    edge_names: tuple[str, ...] = eqx.field(static=True)
    edges: tuple[DrawnEdge, ...]
    order: tuple[str, ...] = eqx.field(static=True)
    groups: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    input_to: str | None = eqx.field(static=True)
    output_from: str | None = eqx.field(static=True)

    def __init__(
        self,
        nodes: Mapping[str, Any],
        edges: Mapping[str, Any] | None = None,
        *,
        input_to: str | None = None,
        output_from: str | None = None,
        key: PRNGKeyArray | None = None,
    ):
        edges = {} if edges is None else edges
        check_names(nodes, edges)
        given = {name: as_edge(name, edge) for name, edge in edges.items()}
        for option, name in (("input_to", input_to), ("output_from", output_from)):
            if name is not None and not isinstance(name, str):
                raise ParameterError(f"Network({option}={name!r}) takes the name of one population, or None for all.")
            if name is not None and name not in nodes:
                raise UnknownPathError(f"{option}: there is no population {name!r}. {nearest(name, nodes)}")
        self.input_to, self.output_from = input_to, output_from
        routes = {name: route_of(name, edge.source, edge.target, nodes) for name, edge in given.items()}
        slow = {name for name, edge in given.items() if edge.is_delayed}
        late = slow & in_cycles(nodes, routes)
        self.order = in_order(nodes, {name: route for name, route in routes.items() if name not in late})
        sizes = sizes_of(nodes, routes)
        with untraced(type(self).__name__):
            drawn = {name: edge.draw(name, sizes, name in late, child(key, name)) for name, edge in given.items()}
        self.groups = groups(drawn)
        self.names, self.edge_names = tuple(nodes), tuple(drawn)
        self.systems = tuple(nodes.values())
        self.edges = tuple(without_copies(drawn, self.groups).values())

    def named_children(self) -> list[tuple[str, DynamicalSystem]]:
        """Populations and projections by name."""
        return [*self._systems.items(), *self._edges.items()]

    @property
    def _systems(self) -> dict[str, DynamicalSystem]:
        return {name: self.systems[n] for n, name in enumerate(self.names)}

    @property
    def _edges(self) -> dict[str, DrawnEdge]:
        return {name: self.edges[n] for n, name in enumerate(self.edge_names)}

    def portrait(self, figure: "Figure") -> None:
        """Its populations, and its projections as arrows."""
        diagram(figure.subplots(), self)

    def __repr__(self) -> str:
        return f"Network(\n{textwrap.indent(chr(10).join(self._lines()), '  ')}\n)"

    def _lines(self) -> Iterator[str]:
        """A line for each population and each projection."""
        for name, system in self._systems.items():
            size = getattr(system, "out_size", None) or getattr(system, "size", ())
            yield f"{name}: {' x '.join(map(str, size))} {type(system).__name__}"
        shared = {name: group[0] for group in self.groups for name in group[1:]}
        for name, edge in self._edges.items():
            yield f"{name}: {edge.described(shared.get(name))}"

    def __getitem__(self, name: str) -> Any:
        found = dict(self.named_children())
        if name not in found:
            raise UnknownPathError(f"The network has no part {name!r}. {nearest(name, found)}")
        return found[name]

    @property
    def in_size(self) -> tuple[int, ...] | None:
        return getattr(self[self.input_to], "in_size", None) if self.input_to else None

    @property
    def out_size(self) -> tuple[int, ...] | None:
        return getattr(self[self.output_from], "out_size", None) if self.output_from else None

    def init_state(self, ctx: Context) -> dict[str, PyTree]:
        state = {name: part.init_state(ctx.child(name)) for name, part in self.named_children()}
        begun = {name: edge.open(state[name], state) for name, edge in self._edges.items()}
        return state | begun

    def update(self, state: dict[str, PyTree], x: PyTree, ctx: Context) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        step = Step(self._systems, self._edges, self.groups, state, ctx)
        x = self._inputs(x)
        for name in self.order:
            step.population(name, x.get(name))
        outs = {name: step.outs[name] for name in self.names}
        return step.end(), outs if self.output_from is None else outs[self.output_from]

    def _inputs(self, x: PyTree) -> Mapping[str, PyTree]:
        if x is None:
            return {}
        if not isinstance(x, Mapping):
            if self.input_to is None:
                raise ShapeError(
                    "The input of a network is a dictionary with values for populations, such as "
                    f"{{{self.names[0]!r}: 0.5}}, or an array for the one that `input_to` names; got "
                    f"an input of shape {getattr(x, 'shape', ())} and no `input_to`."
                )
            return {self.input_to: x}
        for name in x.keys() - set(self.names):
            raise UnknownPathError(f"Input for {name!r}: there is no such population. {nearest(name, self.names)}")
        return x
