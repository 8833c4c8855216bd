"""Lists of addresses: tables, formats of suppression lists, syntax, typing errors."""
