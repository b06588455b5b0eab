"""Runs, evaluations, comparisons and sweeps on one page."""
