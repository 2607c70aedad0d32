"""Tasks: data to train on, with a recipe that does."""

from dynplug.tasks.digits import Digits as Digits
from dynplug.tasks.task import Task as Task, TaskData as TaskData
