"""The table of all checks, with the kinds they apply to and the capabilities they need."""

import dynplug.testing.arguments as arguments
import dynplug.testing.capabilities as of
import dynplug.testing.connectors as connectors
import dynplug.testing.deliveries as deliveries
import dynplug.testing.diagnostics as diagnostics
import dynplug.testing.encoders as encoders
import dynplug.testing.equations as equations
import dynplug.testing.gradients as gradients
import dynplug.testing.identities as identities
import dynplug.testing.initializers as initializers
import dynplug.testing.integrators as integrators
import dynplug.testing.launchers as launchers
import dynplug.testing.losses as losses
import dynplug.testing.neurons as neurons
import dynplug.testing.observers as observers
import dynplug.testing.odes as odes
import dynplug.testing.optimizers as optimizers
import dynplug.testing.plasticities as plasticities
import dynplug.testing.populations as populations
import dynplug.testing.randomness as randomness
import dynplug.testing.runners as runners
import dynplug.testing.samplers as samplers
import dynplug.testing.schedules as schedules
import dynplug.testing.settling as settling
import dynplug.testing.shown as shown
import dynplug.testing.sources as sources
import dynplug.testing.static as static
import dynplug.testing.surrogates as surrogates
import dynplug.testing.synapses as synapses
import dynplug.testing.systems as systems
import dynplug.testing.tasks as tasks
import dynplug.testing.timing as timing
from dynplug.plugin import KINDS, kind_named
from dynplug.testing.behaviours import BEHAVIOURS
from dynplug.testing.checks import Check
from dynplug.testing.identities import QUANTITIES

_ALL = tuple(KINDS)
_FED = ("neuron", "synapse", "layer")
_SYSTEMS = (*_FED, "source")
_ODES, _MEASURES = ("neuron", "synapse"), ("loss", "metric")

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(static.hooks_import_no_jax, _ALL, (of.packaged,)),
        Check(static.names_are_well_formed, _ALL, (of.registered,)),
        Check(static.arguments_are_documented, _ALL, (of.documented, of.complete)),
        Check(static.units_are_coherent, _ALL, (of.documented,)),
        Check(static.citation_is_well_formed, _ALL, (of.citing,)),
        Check(shown.examples_run, _ALL, (of.exemplified,)),
        Check(static.params_match_constructor, _ALL, (of.listed,)),
        Check(static.builds, _ALL),
        Check(identities.satisfies_its_identities, tuple(QUANTITIES), (of.states_identities,)),
        Check(arguments.every_argument_matters, tuple(BEHAVIOURS)),
        Check(arguments.key_makes_the_arrays, _SYSTEMS, (of.keyed,)),
        Check(systems.state_keeps_its_form, _SYSTEMS),
        Check(systems.shapes_are_declared, _SYSTEMS),
        Check(systems.wrong_inputs_are_refused, _FED, (of.sized,)),
        Check(systems.keeps_float32, _SYSTEMS),
        Check(systems.keeps_float64, _SYSTEMS),
        Check(systems.jit_equals_eager, _SYSTEMS),
        Check(systems.vmap_equals_loop, _SYSTEMS),
        Check(systems.compiles_once, _SYSTEMS),
        Check(systems.round_trips, _SYSTEMS),
        Check(systems.answers_in_the_same_step, _FED, (of.prompt,)),
        Check(systems.every_output_moves, _SYSTEMS),
        Check(systems.stays_finite, _SYSTEMS),
        Check(systems.gradients_are_finite, _SYSTEMS),
        Check(gradients.every_array_gets_a_gradient, _SYSTEMS),
        Check(gradients.gradients_match_differences, _SYSTEMS, (of.replaceable,)),
        Check(settling.learns_the_statistics_of_batches, ("layer",), (of.settling,)),
        Check(timing.starts_at_any_time, _SYSTEMS, (of.unclocked,)),
        Check(timing.milliseconds_are_milliseconds, _FED, (of.timed,)),
        Check(populations.grid_equals_row, _ODES, (of.of_three_units, of.deterministic)),
        Check(populations.constants_may_differ_by_unit, _ODES, (of.of_three_units, of.deterministic, of.parametrised)),
        Check(randomness.repeats_itself, _SYSTEMS),
        Check(randomness.writes_no_globals, _SYSTEMS),
        Check(randomness.is_random_by_key_alone, _SYSTEMS),
        Check(randomness.depends_on_its_key, _SYSTEMS, (of.stochastic,)),
        Check(randomness.uses_keys_once, _SYSTEMS, (of.stochastic,)),
        Check(randomness.is_random_while_fitting_at_most, _SYSTEMS),
        Check(randomness.draws_for_each_unit, _SYSTEMS, (of.stochastic,)),
        Check(neurons.spikes_are_binary, ("neuron", "source"), (of.spiking,)),
        Check(neurons.spikes_when_driven, ("neuron",), (of.spiking,)),
        Check(neurons.puts_out_its_spikes, ("neuron", "source"), (of.spiking,)),
        Check(neurons.stays_bounded, ("neuron",)),
        Check(neurons.relaxes_after_a_drive, ("neuron",), (of.forgetful,)),
        Check(neurons.has_no_singularity, ("neuron",)),
        Check(timing.spikes_whatever_the_step, ("neuron",), (of.deterministic,)),
        Check(timing.charge_whatever_the_step, ("synapse",)),
        Check(odes.converges_at_its_order, _ODES, (of.ode, of.deterministic)),
        Check(odes.field_is_unitwise, _ODES, (of.ode, of.exponential_euler)),
        Check(equations.follows_its_equations, _ODES, (of.ode, of.states_equations)),
        Check(equations.equations_agree_in_units, _ODES, (of.ode, of.states_equations)),
        Check(equations.starts_where_it_says, _ODES, (of.ode, of.states_equations, of.states_start)),
        Check(
            equations.spikes_as_it_says, ("neuron",), (of.ode, of.deterministic, of.states_equations, of.states_spikes)
        ),
        Check(equations.answers_events_as_it_says, ("synapse",), (of.ode, of.states_equations, of.states_events)),
        Check(synapses.puts_out_a_drive, ("synapse",)),
        Check(synapses.rests_without_events, ("synapse",)),
        Check(synapses.answers_events, ("synapse",)),
        Check(synapses.tells_weights_apart, ("synapse",)),
        Check(synapses.sums_events_if_it_says_so, ("synapse",), (of.linear,)),
        Check(sources.takes_no_input, ("source",)),
        Check(sources.integral_whatever_the_step, ("source",)),
        Check(losses.is_a_finite_scalar, _MEASURES),
        Check(losses.is_the_same_compiled, _MEASURES),
        Check(losses.ignores_order_of_samples, _MEASURES),
        Check(losses.gradient_matches_differences, ("loss",)),
        Check(losses.every_output_and_target_matters, ("loss",)),
        Check(losses.every_target_matters, ("metric",)),
        Check(losses.is_least_at_its_target, ("loss",)),
        Check(losses.ignores_duplicates, _MEASURES),
        Check(losses.weighs_samples, _MEASURES, (of.weighing,)),
        Check(losses.ignores_a_class, _MEASURES, (of.ignoring,)),
        Check(losses.stays_finite_far_away, ("loss",)),
        Check(surrogates.steps_exactly, ("surrogate",)),
        Check(surrogates.backward_is_its_derivative, ("surrogate",)),
        Check(surrogates.derivative_is_finite, ("surrogate",)),
        Check(surrogates.points_upward, ("surrogate",)),
        Check(surrogates.decays_from_the_threshold, ("surrogate",)),
        Check(surrogates.follows_its_equation, ("surrogate",), (of.states_derivative,)),
        Check(integrators.has_its_order, ("integrator",)),
        Check(integrators.reads_the_time, ("integrator",)),
        Check(integrators.averages_the_step, ("integrator",), (of.averaging,)),
        Check(integrators.steps_in_both_precisions, ("integrator",)),
        Check(integrators.gradients_flow, ("integrator",)),
        Check(initializers.gives_shape_and_dtype, ("initializer",)),
        Check(initializers.same_key_same_array, ("initializer",)),
        Check(initializers.other_key_other_array, ("initializer",), (of.random_initializer,)),
        Check(connectors.connects_the_units_given, ("connector",)),
        Check(connectors.same_key_same_connections, ("connector",)),
        Check(connectors.other_key_other_connections, ("connector",), (of.random_connector,)),
        Check(deliveries.delivers_the_sum, ("delivery",)),
        Check(deliveries.keeps_the_dtype_of_the_weights, ("delivery",)),
        Check(deliveries.samples_are_delivered_apart, ("delivery",)),
        Check(deliveries.derives_the_full_sum, ("delivery",)),
        Check(deliveries.what_is_not_a_number_arrives, ("delivery",)),
        Check(deliveries.says_whether_it_suits, ("delivery",)),
        Check(encoders.puts_time_first, ("encoder",)),
        Check(encoders.same_key_same_code, ("encoder",)),
        Check(encoders.other_key_other_code, ("encoder",), (of.random_encoder,)),
        Check(encoders.every_value_matters, ("encoder",)),
        Check(encoders.orders_values, ("encoder",)),
        Check(encoders.draws_each_step_anew, ("encoder",), (of.random_encoder,)),
        Check(plasticities.keeps_traces_and_weights_in_form, ("plasticity",)),
        Check(plasticities.spikes_change_weights, ("plasticity",)),
        Check(plasticities.weights_stay_within_their_bounds, ("plasticity",)),
        Check(plasticities.other_connections_stay_as_they_are, ("plasticity",)),
        Check(plasticities.ignores_the_numbering_of_units, ("plasticity",)),
        Check(plasticities.learns_the_same_whatever_the_step, ("plasticity",)),
        Check(plasticities.samples_learn_apart, ("plasticity",)),
        Check(optimizers.decreases_a_quadratic, ("optimizer",)),
        Check(optimizers.state_round_trips, ("optimizer",)),
        Check(schedules.gives_a_number_for_every_step, ("schedule",)),
        Check(observers.only_observes, ("observer",)),
        Check(observers.writes_in_one_process, ("observer",)),
        Check(samplers.asks_within_the_space, ("sampler",)),
        Check(samplers.goes_on_as_if_never_killed, ("sampler",)),
        Check(launchers.runs_every_trial_once, ("launcher",)),
        Check(launchers.keeps_the_numbers_of_a_single_run, ("launcher",)),
        Check(diagnostics.gives_findings, ("diagnostic",)),
        Check(diagnostics.finds_nothing_in_a_sound_model, ("diagnostic",)),
        Check(diagnostics.only_looks, ("diagnostic",)),
        Check(tasks.recipe_builds, ("task",)),
        Check(tasks.data_fit_the_recipe, ("task",)),
        Check(tasks.same_key_same_data, ("task",)),
        Check(tasks.test_is_not_training, ("task",)),
        Check(tasks.targets_differ, ("task",)),
        Check(runners.runs_every_neuron, ("runner",), (of.simulates,)),
        Check(runners.continues_a_run, ("runner",), (of.simulates,)),
        Check(runners.trains_every_neuron, ("runner",), (of.trains,)),
        Check(runners.predicts_in_the_axes_of_the_data, ("runner",), (of.trains,)),
        Check(runners.continues_where_it_stopped, ("runner",), (of.trains,)),
        Check(runners.resumes_from_a_file, ("runner",), (of.trains, of.saves)),
        Check(runners.given_model_stays, ("runner",), (of.trains,)),
        Check(runners.first_step_is_bptt, ("runner",), (of.bptt,)),
    )
}
"""Every check by its name. The names are public: expected failures are declared by them."""


def checks_of(kind: str) -> list[Check]:
    """The checks of a kind, in the order of the table."""
    return [check for check in CHECKS.values() if kind_named(kind).name in check.kinds]
