"""specgeo.readers"""
