"""A ring of rate units that remembers a direction: a bump of activity stays where a cue has put it.

The profile of the bump is compared with its closed form (Hansel, D. & Sompolinsky, H. (1998), Modeling feature
selectivity in local cortical circuits, in Methods in Neuronal Modeling, 2nd edition, MIT Press).
"""

import sys
from pathlib import Path

import jax
import numpy as np
from scipy.optimize import root_scalar

import dynplug as dp

UNITS, BACKGROUND, UNIFORM, TUNED = 256, 1.0, -8.0, 6.0  # weights are (UNIFORM + TUNED cos(difference)) / UNITS
ANGLES = 2 * np.pi * np.arange(UNITS) / UNITS


def ring() -> dp.Network:
    """Rate units with a threshold at zero, which excite their neighbours and inhibit the rest."""
    weight = (UNIFORM + TUNED * np.cos(ANGLES[:, None] - ANGLES)) / UNITS
    rate = dp.Sequential(leak=dp.neurons.LeakyIntegrator(UNITS, tau=10.0), threshold=jax.nn.relu)
    edge = dp.Projection("ring", "ring", "AllToAll", weight=weight, delay=0.5, synapse=dp.synapses.Direct())
    return dp.Network({"ring": rate}, {"w": edge}, input_to="ring", output_from="ring")


def profile(angles: np.ndarray) -> np.ndarray:
    """The stationary bump around zero: a cosine above a threshold."""

    def excess(width: float) -> float:
        return TUNED / (2 * np.pi) * (width - np.sin(2 * width) / 2) - 1.0

    width = root_scalar(excess, bracket=(0.1, np.pi)).root  # half of it
    mean = (np.sin(width) - width * np.cos(width)) / np.pi  # in units of the amplitude
    amplitude = BACKGROUND / (-np.cos(width) - UNIFORM * mean)
    return amplitude * np.maximum(np.cos(angles) - np.cos(width), 0.0)


def remember(cue: float, duration: float = 600.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The times and the rates, and the direction that they tell, with a cue in the first 100 ms."""
    near = dp.inputs.constant(0.5 * np.cos(ANGLES - cue)) * dp.inputs.step(1.0, 0.0, 100.0)
    runner = dp.DSRunner(ring(), dt=0.5, progress_bar=False)
    rates = np.asarray(runner.run(duration, inputs=dp.inputs.constant(BACKGROUND) + near))
    return runner.mon.ts, rates, np.angle(rates @ np.exp(1j * ANGLES))


def main(folder: Path) -> None:
    """Remember a direction, and compare the bump."""
    cue = np.pi / 2
    ts, rates, direction = remember(cue)
    expected = profile(np.angle(np.exp(1j * (ANGLES - cue))))
    error = np.abs(rates[-1] - expected).max() / expected.max()
    print(f"{ts[-1] - 100:.0f} ms after the cue the bump is {np.rad2deg(direction[-1] - cue):.2f} degrees from it")
    print(f"its profile differs from the closed form by {100 * error:.2f} % of the peak")

    figure, (left, right) = dp.plot.figure(width=8.0, height=3.2, columns=2)
    image = left.imshow(rates.T, aspect="auto", origin="lower", extent=(0.0, ts[-1], 0.0, 360.0), cmap="magma")
    figure.colorbar(image, ax=left, label="rate")
    left.axvline(100.0, color="white", linewidth=0.8)
    left.set(xlabel="time [ms]", ylabel="direction [degrees]", title="cue until 100 ms")
    right.plot(np.rad2deg(ANGLES), rates[-1], label="at the end")
    right.plot(np.rad2deg(ANGLES), expected, "--", label="closed form")
    right.set(xlabel="direction [degrees]", ylabel="rate")
    right.legend(frameon=False)
    dp.plot.save(figure, folder / "ring_attractor.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
