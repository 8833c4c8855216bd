"""From an address's history to a Decision: pure, by policy.toml; no clock, no files, no network."""
