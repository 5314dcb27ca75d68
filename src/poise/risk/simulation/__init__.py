"""Plans under what we do not know and under chance: two loops, the same draws for every plan.

The outer loop draws *knowledge*: inputs that nobody knows exactly. Given one such draw, expected losses and
unplanned hours follow in closed form (:mod:`~poise.risk.simulation.expectation`). The inner loop draws
*chance*: what happens in one of many possible horizons (:mod:`~poise.risk.simulation.outcomes`). The two are
never merged into one band.
"""
