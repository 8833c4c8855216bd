"""A closed-loop world to prove policies in: who is mailed today decides what is learnt today."""
