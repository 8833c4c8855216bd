"""Millions of replies: columns, files in many processes, Spark. Needs an extra (docs/scale.md)."""
