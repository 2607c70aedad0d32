"""Configuration of Sphinx; `developing/documentation.md` describes the parts of the documentation."""

import os
import sys
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extension"))

# Programs on the pages run once: most of the time would go into optimising them. Only jaxlib 0.10 has the second flag.
if "XLA_FLAGS" not in os.environ:
    fusion = " --xla_cpu_use_fusion_emitters=false" * installed("jaxlib").startswith("0.10.")
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1" + fusion

project = "dynplug"
author = "the dynplug developers"
copyright = author
version = release = installed("dynplug")

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinx.ext.mathjax",
    "api_pages",
    "as_installed",
    "catalogue",
    "checks",
    "claims",
    "code_blocks",
    "comparison_tables",
    "directory",
    "kinds",
    "name_links",
    "notebook_cache",
    "shell_blocks",
]
root_doc = "index"
exclude_patterns = ["_build", "_extension", "_data"]
nitpicky = True

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist", "substitution"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

generated_pages = ("api/", "catalogue/")  # the code in docstrings is executed by the tests

nb_execution_mode = "cache"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 110)]  # after plain text, which has 100; pictures come first

html_theme = "furo"
html_title = "dynplug"
# MathJax comes with a package, so that equations need no network; as an extension it would forbid parallel reading
html_static_path = ["_static", str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static")]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["dynplug.css"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

copybutton_exclude = ".linenos, .gp, .go"
