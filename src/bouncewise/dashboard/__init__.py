"""Pages over a local ledger: what needs somebody, incidents, receivers, addresses, suppressions."""
