"""Questions to the network: DNS."""
