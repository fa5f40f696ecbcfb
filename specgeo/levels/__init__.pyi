# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .hypersurface import Hypersurface as Hypersurface
from .level import LevelSet as LevelSet
from .level import level_set as level_set
