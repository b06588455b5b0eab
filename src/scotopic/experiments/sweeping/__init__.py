"""Grids of recipes, trained with several seeds."""
