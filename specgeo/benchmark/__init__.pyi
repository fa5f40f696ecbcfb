# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .cases import Case as Case
from .cases import named_cases as named_cases
from .comparison import Census as Census
from .comparison import Comparison as Comparison
from .comparison import Run as Run
from .comparison import compare as compare
from .timing import forward_pass as forward_pass
from .timing import interleaved as interleaved
