"""The rules as data (``knowledge/``), and the modules that load, match and test them."""
