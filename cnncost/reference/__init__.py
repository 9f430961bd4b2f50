"""The reference, made of the code itself: what the manual and `cnncost help` show.

    operators.py     every operator: arguments, an example, formulas of shape, parameters, MACs, FLOPs, memory
    conventions.py   every convention: what it counts, and its rules
    devices.py       every device that is known by name: what its vendor states, what was calibrated on it
    grammar.md       the words of a spec, each with an example that a test reads
    topics.py        topic -> Markdown, and Markdown -> text for a terminal

Nothing here is true of one operator only: that stands in the operator. No file is written here.
"""
