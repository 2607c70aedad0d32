"""The house: floors, cycles, abstract or final, lazy imports, documented arguments."""

import ast
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import dynplug as dp
from dynplug.plugin import registry

pytestmark = pytest.mark.quick

ROOT = Path(dp.__file__).parent
FLOORS = [
    {"errors"},
    {"api", "equations"},
    {"plugin"},
    {"core"},
    {"connectors", "integrators", "surrogates", "initializers"},
    {"delivery"},
    {"neurons", "synapses", "layers", "losses", "encoders", "inputs", "sources", "plasticity"},
    {"network"},
    {"tasks"},
    {"interchange"},
    {"timeloop", "measures", "search"},
    {"run"},
    {"plot"},
    {"diagnosis"},
    {"train"},
    {"recipe"},
    {"sweep"},
    {"testing"},
    {"new"},
    {"cli"},
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
FILES = sorted(ROOT.rglob("*.py"))
OUTSIDE = {"", "__main__", "builtins"}  # the package itself, which loads lazily, and the list of what it provides


def unit(path):
    return path.relative_to(ROOT).with_suffix("").parts[0].replace("__init__", "")


def imports(path):
    """The dynplug modules that a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "dynplug":
            if node.module == "dynplug":
                yield from (f"dynplug.{alias.name}" for alias in node.names)
            else:
                yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "dynplug")


@pytest.mark.parametrize("path", [f for f in FILES if f.name == "__init__.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_takes_the_name_of_something_public(path):
    """Python binds a module in its package at its first import: a public name from elsewhere would be lost then."""
    modules = {f.stem for f in path.parent.glob("*.py")} | {f.parent.name for f in path.parent.glob("*/__init__.py")}
    package = ".".join(path.parent.relative_to(ROOT.parent).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            taken = modules.intersection(alias.asname or alias.name for alias in node.names)
            assert all(node.module in (package, f"{package}.{name}") for name in taken), taken


@pytest.mark.parametrize("path", [f for f in FILES if unit(f) not in OUTSIDE], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downward(path):
    own = HEIGHT[unit(path)]
    for module in imports(path):
        other = module.split(".")[1] if module.count(".") else ""
        if other == "__version__":
            continue
        assert other in HEIGHT, f"{path.name} imports {module}"
        assert other == unit(path) or HEIGHT[other] < own, f"{path.name} imports {module}, which is not below it"


SIDE_DOORS = {"dynplug.train.checkpoint", "dynplug.train.toolkit"}  # faces of their own, which the-house.md states
# But for benchmarks, which measure parts of the house.
OTHERS = sorted(f for p in ("plugins/*/src/**", "examples", "docs/**") for f in ROOT.parent.glob(f"{p}/*.py"))


def opened(path):
    """The modules of dynplug that a file imports, including those imported as names of their package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dynplug":
            yield node.module
            hidden = {alias.name for alias in node.names} - names_in(module_file(node.module))
            yield from (name for name in (f"{node.module}.{n}" for n in sorted(hidden)) if module_file(name))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "dynplug")


def module_file(module):
    """The file of a module or package; `None` for any other name."""
    place = ROOT.parent / module.replace(".", "/")
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()), None)


@cache
def names_in(file):
    """The names that a face imports: a function may bear the name of its module."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {alias.asname for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def rooms_passed(path):
    """The modules that a file imports past the face of a package.

    From outside a package of dynplug, every module in it is past its face; inside, the files of another room are.
    """
    own = ".".join(path.relative_to(ROOT.parent).parent.parts)
    for module in set(opened(path)) - SIDE_DOORS:
        package, parts = module.rpartition(".")[0], module.split(".")
        outside = len(parts) > 2 and own.split(".")[:2] != parts[:2]
        another_room = module_file(module).name != "__init__.py" and package not in ("dynplug", own)
        if outside or another_room:
            yield module


def test_nothing_imports_past_the_face_of_a_package():
    passed = {str(path): sorted(rooms_passed(path)) for path in [*FILES, *OTHERS]}
    assert {path: modules for path, modules in passed.items() if modules} == {}


MODELS = {name for floor in FLOORS[4:9] for name in floor}  # parts of models, losses, encoders, tasks


def raised(path):
    """The names of the errors that a file raises, but for those that it raises again."""
    nodes = ast.walk(ast.parse(path.read_text()))
    calls = [node.exc for node in nodes if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {ast.unparse(call.func).rpartition(".")[2] for call in calls}


def test_errors_keep_the_border_that_they_state():
    """Parts of models raise `ParameterError`, what runs and trains them `OptionError`; core, below both, either."""
    wrong = []
    for path in FILES:
        room = path.relative_to(ROOT).parts[0]
        strange = "OptionError" if room in MODELS else "ParameterError" if room != "core" else ""
        found = raised(path) & {strange, "ImportError"}  # a package that is missing has an error of its own
        wrong += [f"{path.relative_to(ROOT)} raises {name}" for name in found]
    assert wrong == []


def test_each_package_has_a_folder_of_tests():
    folders = {path.parent.name for path in Path(__file__).parent.glob("*/*.py")}
    packages = {name for name in HEIGHT if (ROOT / name).is_dir()}
    assert folders - {"docs", "examples", "recorded", "support", "tutorial"} == packages


def test_no_file_name_stands_twice():
    names = [path.name for path in FILES if path.name != "__init__.py"]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_file_imports_in_a_cycle():
    graph = {}
    for path in FILES:
        name = ".".join(("dynplug", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        if name != "dynplug":  # its imports are lazy
            graph[name] = {m for m in imports(path) if m.startswith("dynplug.")}
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, f"cycle: {[*open_, name]}"
        if name in done or name not in graph:
            return
        open_.append(name)
        for below in graph[name]:
            visit(below)
        done.add(open_.pop())

    for name in graph:
        visit(name)


def test_plugin_knows_nothing_above_it():
    allowed = {"dynplug.api", "dynplug.errors"}
    for path in (ROOT / "plugin").glob("*.py"):
        assert all(m in allowed or m.startswith("dynplug.plugin") for m in imports(path) if m != "dynplug.api"), path


def classes():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield path, node


def is_abstract(method):
    return any("abstractmethod" in ast.unparse(d) for d in method.decorator_list)


def test_every_class_is_abstract_or_final():
    """A concrete class is never subclassed, and a concrete method never overridden."""
    found = {node.name: node for _, node in classes()}
    methods = {
        name: {m.name: is_abstract(m) for m in node.body if isinstance(m, ast.FunctionDef)}
        for name, node in found.items()
    }
    bases = {name: [ast.unparse(b).split("[")[0] for b in node.bases] for name, node in found.items()}

    def abstract(name):
        """Whether a class leaves something to its subclasses: a method, a field, or nothing but a base to catch."""
        text = ast.unparse(found[name])
        own = any(methods[name].values()) or "AbstractVar" in text
        left = [m for b in bases[name] if b in found for m, is_abs in methods[b].items() if is_abs]
        inherited = set(left) - set(methods[name])
        return own or bool(inherited)

    plain = {"DynplugError", "Spec"}  # an exception's base and a record's base, which add no behaviour to override
    for name in found:
        for base in bases[name]:
            if base in found and base not in plain:
                assert abstract(base), f"{name} subclasses the concrete class {base}"
                for method, was_abstract in methods[base].items():
                    overridden = method in methods[name] and not method.startswith("__")
                    assert was_abstract or not overridden, f"{name}.{method} overrides a concrete method of {base}"


@pytest.mark.parametrize(
    "module", ["dynplug", "dynplug.api", "dynplug.errors", "dynplug.builtins", "dynplug.plugin", "dynplug.cli"]
)
def test_what_lists_components_imports_no_jax(module):
    code = f"import sys, {module}; sys.exit(any(m.split('.')[0] in ('jax', 'equinox', 'numpy') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_listing_components_imports_no_jax():
    code = "import sys, dynplug as dp; assert 'LIF' in dp.list_components('neuron'); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_resolves_and_is_listed():
    for name in dp.__all__:
        assert getattr(dp, name) is not None
    assert set(dp.__all__) <= set(dir(dp))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = dp.no_such_name


COMPONENTS = [c for c in registry().components() if c.spec.target.startswith("dynplug.")]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: f"{c.kind.name}:{c.spec.name}")
def test_every_argument_of_a_component_is_documented(component):
    target = component.load()
    doc = inspect.getdoc(target)
    if "Arguments as for" in doc:
        return
    for name in inspect.signature(target).parameters:
        documented = re.search(rf"^- `{name}`: \S", doc, re.MULTILINE)
        assert documented or name in ("args", "kwargs"), f"{component.spec.name}: {name} is not documented"


@pytest.mark.parametrize(
    "component", [c for c in COMPONENTS if c.kind.name in ("neuron", "synapse")], ids=lambda c: c.spec.name
)
def test_every_constant_has_a_unit_and_every_model_a_source(component):
    doc = inspect.getdoc(component.load())
    constants = [f for f in component.load().__dataclass_fields__.values() if "dynplug.positive" in f.metadata]
    for field in constants:
        line = re.search(rf"^- `{field.name}`: (.*(?:\n  .*)*)", doc, re.MULTILINE)[1]
        assert re.search(r"\[[^\]]+\]", line), f"{component.spec.name}.{field.name} has no unit"
    assert "**Reference:**" in doc


def test_no_file_is_long():
    assert {f.name: n for f in FILES if (n := len(f.read_text().splitlines())) > 400} == {}
