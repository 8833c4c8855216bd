"""What the operator states about the own mail system: one strict TOML file and a file of keys."""
