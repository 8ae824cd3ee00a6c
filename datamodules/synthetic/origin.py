"""What shards say about where synthetic people come from."""

VERSION = "1"  # the same numbers made by another version are other pictures
LICENCE = "MIT: made by this code, shows nobody"
EMBEDDED = {"name": "synthetic", "version": VERSION, "licence": LICENCE}
