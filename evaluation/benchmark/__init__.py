"""Result rows to tables, plots and one report."""
