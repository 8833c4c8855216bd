"""What may lie behind one refusal, how likely, and what to do next: facts, evidence, ranking."""
