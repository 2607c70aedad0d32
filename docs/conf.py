"""How Sphinx builds the documentation; `developing/documentation.md` describes the parts."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extension"))

project = "dynplug"
author = "the dynplug developers"
copyright = author
version = release = installed("dynplug")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "catalogue",
    "code_blocks",
    "shell_blocks",
]
root_doc = "index"
exclude_patterns = ["_build", "_extension", "_data"]
nitpicky = True

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist", "substitution"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

nb_execution_mode = "cache"
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/plain", 0)]

html_theme = "furo"
html_title = "dynplug"
html_static_path = ["_static"]
html_css_files = ["dynplug.css"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

copybutton_exclude = ".linenos, .gp, .go"
