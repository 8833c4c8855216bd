"""The sender's own health, by standard: what receivers report about the mail of our domains."""
