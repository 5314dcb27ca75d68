"""Patch planning: from a problem's arrays to plans, proven bounds and the frontier.

``problem`` holds the records, ``check`` judges a problem's arrays, ``evaluate`` a plan; ``exact``,
``decomposition`` and ``schedule`` make plans, and ``frontier`` puts them on one curve. Nothing
leaves the room that ``evaluate`` has not recomputed.
"""
