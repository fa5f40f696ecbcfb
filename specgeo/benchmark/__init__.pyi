# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .cases import Case as Case
from .cases import named_cases as named_cases
from .comparison import Census as Census
from .comparison import Comparison as Comparison
from .comparison import Run as Run
from .comparison import compare as compare
from .shapes import named_shapes as named_shapes
from .spectra import SpectrumRun as SpectrumRun
from .spectra import compare_spectra as compare_spectra
from .timing import forward_pass as forward_pass
from .timing import interleaved as interleaved
from .transforms import TransformRun as TransformRun
from .transforms import compare_transforms as compare_transforms
