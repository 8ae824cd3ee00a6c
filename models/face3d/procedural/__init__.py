"""The embedded face model, built in code."""

from models.face3d.procedural.model import ProceduralHead, procedural_head

__all__ = ["ProceduralHead", "procedural_head"]
