"""What `python -m models.official` can run of the 3D faces."""
