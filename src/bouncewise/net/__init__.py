"""What can be asked of the network about mail: nothing here runs unless it is asked for."""
