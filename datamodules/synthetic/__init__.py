"""Talking heads made in code: people, studio, voice and performance, with every truth known."""
