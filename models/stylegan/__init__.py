"""StyleGAN2 and StyleGAN3: generators, discriminators, and the layers that other methods take from them."""
