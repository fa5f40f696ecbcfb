# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .boundary import DecisionBoundary as DecisionBoundary
from .boundary import decision_boundary as decision_boundary
from .certificates import MarginCertificate as MarginCertificate
from .certificates import certify_path as certify_path
from .certificates import classify as classify
from .regions import DecisionRegions as DecisionRegions
from .regions import RegionPath as RegionPath
from .regions import decision_regions as decision_regions
from .search import PathResult as PathResult
from .search import find_path as find_path
from .segments import Trace as Trace
from .segments import trace_segment as trace_segment
