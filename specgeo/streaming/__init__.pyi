# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .decisions import DecisionAreas as DecisionAreas
from .groups import RegionGroup as RegionGroup
from .reduce import Reduction as Reduction
from .reduce import reduce_regions as reduce_regions
from .reducers import FourierCoefficients as FourierCoefficients
from .reducers import FVector as FVector
from .reducers import Jumps as Jumps
from .reducers import Lipschitz as Lipschitz
from .reducers import Reducer as Reducer
from .reducers import Spectrum as Spectrum
from .reducers import Volumes as Volumes
