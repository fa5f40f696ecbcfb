"""specgeo.enumeration"""
