"""One self-contained HTML page about some models.

    content.py    graphs -> what the page shows, as plain data
    page.py       that data, template, style and script -> one file
    page.html page.css page.js   the template, the style, the behaviour

The page works offline: no font, script or picture comes from elsewhere. Numbers arrive formatted by
`units`; the script sorts, switches and collapses, and computes nothing.
"""
