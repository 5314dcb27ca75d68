"""Regulators' clocks: rules as data with their citation, and the engine that computes when what is due.

Not legal advice. Rules are shipped as found, with their doubts marked; counsel decides.
"""
