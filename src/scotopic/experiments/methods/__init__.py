"""What makes a finished picture of a dark one: models, runs, baselines, other people's networks and pictures."""

from .method import Method, open_method

__all__ = ["Method", "open_method"]
