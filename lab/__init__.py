"""A lab in which real mail servers produce bounces: on loopback, against a remote that refuses as
large receivers do.
"""
