"""An answer as what other tools load: requests, sampling settings, whole servers; every format is a pure function."""
