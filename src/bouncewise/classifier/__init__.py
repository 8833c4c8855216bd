"""From a reply to a Verdict: the rules applied, and where the verdict differs from an ESP's label."""
