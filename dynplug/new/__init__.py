"""New plugin packages, from the templates in this folder. No JAX is imported here."""

from dynplug.new.package import create as create
