# Every public name and its home; specgeo/_lazy.py reads this at run time.
from .claim import Claim as Claim
from .report import VerificationReport as VerificationReport
from .report import verify as verify
