"""One self-contained HTML page about some models.

    content.py    graphs -> what the page shows, as plain data
    times.py      the same of time: the roof of every device, the least time, what is predicted
    page.py       that data, template, style and script -> one file
    page.html page.css page.js roof.js   the template, the style, the behaviour, the roofline

The page works offline: no font, script or picture comes from elsewhere. Numbers arrive formatted by
`units`; the script sorts, switches and collapses; it computes nothing but where a point lies under a roof.
"""
