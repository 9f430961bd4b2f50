"""Exercises on what a network costs, and their marking.

    formula.py     the working of an answer as data: put in other numbers, write it as JSON
    lines.py       a network -> the lines of the lecture's table, every cell with its formula
    mistakes.py    what is likely to go wrong with a cell, as a formula of its own
    question.py    a question as data
    cells.py       questions that are cells of the table
    texts.py       questions with a text of their own
    questions.py   kinds of question, and everything that can be asked of a network
    chance.py      choices that a seed makes for ever
    invent.py      small networks that divide well
    sheet.py       sheets as data, their JSON form
    choosing.py    a seed and a student -> the blanks of a sheet
    answers.py     what a student wrote -> numbers with the units they stand in
    reading.py     files of answers: CSV, notebooks
    grade.py       marks, errors that carry on, the likely mistake
    solving.py     the working of every blank
    grids.py       sheets and marks as tables
    formats/       a sheet as Markdown, LaTeX, HTML, notebook, Moodle quiz

What a layer costs is asked of its operator; no formula of a layer stands here. Nothing here prints.
"""
