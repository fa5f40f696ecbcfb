from .differentiable import torch_spectrum as torch_spectrum
from .targets import Sines as Sines
from .tracker import SpectrumTracker as SpectrumTracker
