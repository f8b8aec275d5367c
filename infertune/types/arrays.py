"""Arrays as they are annotated everywhere."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


IntArray = NDArray[np.int32]
