"""What the two say to each other about their work: goals, disagreements, agenda, signals.

The state is a fold over the ledger's records, and so is everything that is shown. The unit is the pair and
its process: nothing here counts, ranks or rates a person, and nothing is read that nobody put in on purpose.
"""
