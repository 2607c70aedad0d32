"""Fake distributions, installed for one test."""

import pytest

HOOKS = """
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name={name!r}, target="{module}:Echo", summary="repeats its input")]
"""
ECHO = """
import dynplug as dp

class Echo(dp.DynamicalSystem):
    '''Repeats its input.'''

    size: int
    gain: float = 1.0

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.gain * x
"""


@pytest.fixture
def install(site):
    """A function that installs a distribution of some modules, with entry points in dynplug's group."""

    def install(name, modules, entries, version="1.0", metadata=True, group="dynplug.v1", requires=(), folder=site):
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info".replace("\x1b", "")
        info.mkdir()
        if metadata is True:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            metadata += "".join(f"Requires-Dist: {r}\n" for r in requires)
        if metadata:
            (info / "METADATA").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
        if isinstance(entries, dict):
            lines = "".join(f"{entry} = {module}\n" for entry, module in entries.items())
            entries = f"[{group}]\n{lines}".encode()
        (info / "entry_points.txt").write_bytes(entries)

    return install


@pytest.fixture
def install_neuron(install):
    """A function that installs a distribution with one hook module and one neuron, `Echo`."""

    def install_neuron(distribution, name="Echo", hooks=HOOKS, entry="hooks", **options):
        module = distribution.replace("-", "_").lower()
        source = hooks.format(name=name, module=f"{module}_model")
        modules = {f"{module}_hooks": source, f"{module}_model": ECHO}
        install(distribution, modules, {entry: f"{module}_hooks"}, **options)

    return install_neuron
