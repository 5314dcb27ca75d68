"""The desk: one table in the browser for both sides.

Django stands here and nowhere else. Rules live in the library's rooms; a page parses, calls an action, and
renders. docs/desk-development.md tells how a feature is added.
"""
