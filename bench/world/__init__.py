"""A simulated world for comparing policies. The loop is closed: a policy learns only from the mail
that it sent.
"""
