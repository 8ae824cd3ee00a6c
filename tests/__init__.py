"""A package, so that its modules are found before those of packages that install a `tests` of their own."""
