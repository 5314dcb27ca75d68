"""Threat evidence: what is known about a vulnerability, as of a day.

- :mod:`~poise.threats.evidence`: the records that other rooms use.
- :mod:`~poise.threats.store`: dated snapshots and the look-up.
- :mod:`~poise.threats.update`, :mod:`~poise.threats.download`: bringing them up to date.
- :mod:`~poise.threats.kev`, :mod:`~poise.threats.epss`, :mod:`~poise.threats.ssvc`,
  :mod:`~poise.threats.history`: readers of the feeds' own layouts.
- :mod:`~poise.threats.scores`, :mod:`~poise.threats.bod`, :mod:`~poise.threats.priors`: CVSS
  scores, timelines of BOD 26-04, and what stands in for a missing EPSS score.
"""
