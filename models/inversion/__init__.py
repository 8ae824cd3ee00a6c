"""From pictures back to what a generator makes them of: encoders, optimisation, and their combinations."""
