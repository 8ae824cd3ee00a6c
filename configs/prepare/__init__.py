"""Groups of prepare.py alone."""
