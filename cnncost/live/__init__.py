"""A page on this machine where a spec is live: an editor, and what the network costs beside it.

    question.py   what the page asks, checked
    answers.py    a spec's text -> its table, totals, graph and errors, line by line
    watched.py    the file: read, saved, changed by somebody else
    server.py     the pages and answers over HTTP, on the loopback interface only
    watch.py      the same in a terminal, whenever the file changes
    static/       the page; codemirror.js is built by `make editor` and has its licence beside it

Needs the extra [live] for the server. What a network costs is asked of `analysis`; nothing is counted here.
"""
