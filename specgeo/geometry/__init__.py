"""specgeo.geometry"""
