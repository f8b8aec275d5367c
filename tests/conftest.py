"""Signals as a terminal has them: a job in the background begins with SIGINT ignored, which its children inherit."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
