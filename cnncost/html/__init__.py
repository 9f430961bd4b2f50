"""One self-contained HTML page about some models.

    content.py    graphs -> what the page shows, as plain data
    times.py      the same of time: the roof of every device, the least time, what is predicted
    differences.py   the same of any two of the models: which operators are new, gone, or others
    page.py       that data, template, style and scripts -> one file
    page.html page.css     the template, the style
    state.js tables.js charts.js roof.js differences.js page.js   what was chosen, the parts, the whole

The page works offline: no font, script or picture comes from elsewhere. The graph is drawn by `web`.
Numbers arrive counted and formatted by `units`; the scripts sort, switch and collapse them; what they compute
is where a point lies under a roof, and how far two totals lie apart.
"""
