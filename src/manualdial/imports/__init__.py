"""Files of numbers and records, read line by line and written down; what cannot be taken goes to a reject file."""
