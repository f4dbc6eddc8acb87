"""Mappings and rosters from .csv and .xlsx files, in three steps.

    lines = mappings.read(name, content)    the file alone: every mistake in it, at once, as ImportRefused
    plan = mappings.plan(lines)             compared with what is there: added, changed, unchanged; nothing is written
    mappings.apply(plan)                    all or nothing

`import_from` takes the three together. A page that shows a plan before it is applied stops after the second.
"""
