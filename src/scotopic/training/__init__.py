"""Training: a recipe followed to checkpoints, and a checkpoint exported to a model folder."""

from .export import export
from .loop import RunSummary, train
from .recipe import Recipe, read_recipe

__all__ = ["Recipe", "RunSummary", "export", "read_recipe", "train"]
