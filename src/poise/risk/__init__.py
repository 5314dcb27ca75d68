"""Folding findings to changes, and their hazard, exposure and chance of failure. No windows, no solver."""
