"""Questions to the network: DNS. Nothing here runs unless an operation asks for it."""
