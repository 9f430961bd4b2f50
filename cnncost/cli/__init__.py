"""The command line: one thin file per command, loaded when it is called.

A command parses its options, calls the library, hands the result to `tables`. No formula, no
layout and no number formatting here.

    main.py      the entry point: which commands there are, and how errors leave the program
    mistyped.py  a command line that cannot be read: what is wrong in it, the line that works
    habits.py    words of other programs, by ours
    options.py   options that several commands share
    numbers.py   numbers as people write them, in every option
    chosen.py    the options that `pick` and `search` share
    workers.py   the options that spread work
    spread.py    a command's Model, Run and limits as options
    completing.py   what a shell offers when Tab is pressed
    importing.py the command `import`
    exporting.py the command `export`
    streams.py   signals, and standard streams that are closed, full or not read
    progress.py  a bar on standard error, where a terminal shows it

Every other file is the command of its name; `main.COMMANDS` is their table of contents.
"""
