"""Numbers that hold: what is scored (items, methods), how (evaluate), and what may be said of it (statistics)."""
