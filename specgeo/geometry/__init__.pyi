# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .arrays import Patterns as Patterns
from .arrays import Ragged as Ragged
from .cell import Cell as Cell
from .certificate import Certificate as Certificate
from .certificate import Reproof as Reproof
from .complex import PolyhedralComplex as PolyhedralComplex
from .facets import Facets as Facets
from .lattice import FaceLattice as FaceLattice
from .storage import load_complex as load_complex
from .unbounded import UnboundedLattice as UnboundedLattice
from .whole_space import WholeSpaceComplex as WholeSpaceComplex
