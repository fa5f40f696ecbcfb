"""specgeo.fourier"""
