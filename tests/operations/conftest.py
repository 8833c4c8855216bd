"""These tests run on SQLite and on PostgreSQL."""

from support.stores import databases, pytest_generate_tests

__all__ = ["databases", "pytest_generate_tests"]
