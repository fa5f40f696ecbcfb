"""specgeo.theory"""
