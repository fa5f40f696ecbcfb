# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .cases import Case as Case
from .cases import named_cases as named_cases
from .comparison import compare as compare
from .records import Census as Census
from .records import Comparison as Comparison
from .records import Run as Run
from .records import SpectrumRun as SpectrumRun
from .records import TransformRun as TransformRun
from .shapes import named_shapes as named_shapes
from .spectra import compare_spectra as compare_spectra
from .timing import forward_pass as forward_pass
from .timing import interleaved as interleaved
from .transforms import compare_transforms as compare_transforms
