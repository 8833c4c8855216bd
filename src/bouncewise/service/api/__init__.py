"""The HTTP API ``/v1``: one table of endpoints (``table``), each a call of an operation."""
