"""StyleHEAT (Yin et al., ECCV 2022): motion is a flow that warps a feature of a StyleGAN2."""
