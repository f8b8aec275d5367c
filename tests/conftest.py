"""Signals as a terminal has them: SIGINT is ignored in the background and SIGHUP under nohup, and children inherit it."""

import signal

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
