"""The desk's API: the same actions as the pages, for programs. ``/api/openapi.json`` describes it."""
