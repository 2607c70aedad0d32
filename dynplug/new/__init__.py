"""Creating plugin packages from the templates in this folder, without importing JAX."""

from dynplug.new.package import create as create
