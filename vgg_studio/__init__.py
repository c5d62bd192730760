"""VGG Studio: a folder of pictures goes in, a trained VGG network that names new pictures comes out."""

__version__ = "0.1.0"
