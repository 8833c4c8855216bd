"""What an interface can ask for: one module per operation, shared by the command line and the
service.
"""
