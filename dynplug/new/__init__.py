"""Creating plugin packages from the templates in this folder, without importing JAX."""

from dynplug.new.examples import EXAMPLES as EXAMPLES
from dynplug.new.package import create as create
