"""Tasks: data to train on, each with a recipe."""

from dynplug.tasks.digits import Digits as Digits
from dynplug.tasks.task import Task as Task, TaskData as TaskData
from dynplug.tasks.yin_yang import YinYang as YinYang
