"""The knowledge of bouncewise as data, and the two modules that load and match it."""
