"""Files of rows, .csv or .xlsx, in and out. An import has three steps:

    lines = mappings.read(name, content)    the file alone: every mistake in it, at once, as ImportRefused
    plan = mappings.plan(lines)             compared with what is there: added, changed, unchanged; nothing is written
    mappings.apply(plan, by=user)           all or nothing, with history

A `Sheet` holds the steps of one kind of file, and the rows for the way out: one page and one command serve them all.
"""
