"""The report of a training: one page of HTML, and its figures as files."""

from dynplug.recipe.report.epoch_curves import curve as curve
from dynplug.recipe.report.made_with import command_line as command_line
from dynplug.recipe.report.reported import Reported as Reported, arrays_of as arrays_of
from dynplug.recipe.report.writing import PICTURES as PICTURES, REPORT as REPORT, write_report as write_report
