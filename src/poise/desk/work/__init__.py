"""What the worker does: one module per kind of job. A page never computes."""
