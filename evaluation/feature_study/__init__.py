"""How far a feature of a generator can be moved like a picture (StyleHEAT, Yin et al., ECCV 2022, section 3)."""
