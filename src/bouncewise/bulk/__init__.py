"""Millions of replies at once: columns, files by many processes, Spark. Needs the extra ``[scale]`` or ``[spark]``."""
