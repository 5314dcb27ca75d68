"""The delivery gate: one agreed policy, judged in the pipeline in a blink, with reasons.

- :mod:`~poise.gate.policy`, :mod:`~poise.gate.policyfile`, :mod:`~poise.gate.sentences`: the policy as words.
- :mod:`~poise.gate.documents`: what people sign: policies, exceptions, break-glass, skips.
- :mod:`~poise.gate.identity`, :mod:`~poise.gate.baseline`: what is new.
- :mod:`~poise.gate.evidence`: whether the reports prove anything.
- :mod:`~poise.gate.judge`, :mod:`~poise.gate.verdict`: the verdict.
- :mod:`~poise.gate.budget`, :mod:`~poise.gate.testplan`, :mod:`~poise.gate.fourkeys`: budgets of risk and of
  minutes, and delivery's own measures beside them.

Nothing here imports numpy, pyarrow, rich or a framework: a pipeline waits for every import.
"""
