"""The command line: one thin file per command, loaded when it is called.

A command parses its options, calls the library, hands the result to `tables`. No formula, no
layout and no number formatting here.
"""
