"""From a reply to a verdict by the rules, and where the verdict contradicts an ESP's label."""
