from .differentiable import torch_spectrum as torch_spectrum
from .dynamics import loss_gradient_by_frequency as loss_gradient_by_frequency
from .dynamics import residual_rate as residual_rate
from .targets import Sines as Sines
from .tracker import SpectrumTracker as SpectrumTracker
