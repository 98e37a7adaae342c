"""The Monitor: every change of the connections, told once."""
