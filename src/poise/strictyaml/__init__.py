"""YAML that people write by hand, read strictly: texts with line numbers, and every fault at once.

The estate and the gate's policies are read through it. It imports nothing but the YAML parser.
"""
