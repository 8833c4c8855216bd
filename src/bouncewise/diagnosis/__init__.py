"""Diagnosis of one refusal: the possible reasons, their probabilities, and what to do next."""
