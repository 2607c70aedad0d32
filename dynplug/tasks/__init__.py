"""Tasks: data to train on, with a recipe that does."""

from dynplug.tasks.base import Task as Task, TaskData as TaskData
from dynplug.tasks.digits import Digits as Digits
