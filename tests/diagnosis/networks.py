"""A sound little network."""

import jax

import dynplug as dp

TIME, BATCH, FEATURES = 40, 12, 5


def network(scale=4.0, seed=0, **lif):
    k1, k2 = jax.random.split(jax.random.key(seed))
    weights = dp.initializers.KaimingNormal(scale=scale**2)
    return dp.Sequential(
        input=dp.layers.Dense(FEATURES, 16, W_initializer=weights, key=k1),
        hidden=dp.neurons.LIF(16, **lif),
        output=dp.layers.Dense(16, 2, key=k2),
        readout=dp.neurons.LeakyIntegrator(2, tau=20.0),
    )
