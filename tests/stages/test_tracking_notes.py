from lossjumps.stages.tracking_notes import flowing, summary_note

REPORT = """\
# A title

A paragraph of
two lines.

- an item
  of two lines
- another

```
a table
    as it stands
# so does this
```
## Below
**bold**
- an item
"""


def test_paragraphs_and_items_flow_and_tables_stand():
    assert flowing(REPORT).split("\n") == [
        "## A title",
        "",
        "A paragraph of two lines.",
        "",
        "- an item of two lines",
        "- another",
        "",
        "```",
        "a table",
        "    as it stands",
        "# so does this",
        "```",
        "### Below",
        "**bold**",
        "- an item",
        "",
    ]


def test_the_note_of_the_summary_ends_with_links_to_the_figures():
    note = summary_note(REPORT, {"overview": "#/a/overview.png"})
    assert note.startswith("## A title\n") and note.endswith("\nFigures: [overview](#/a/overview.png)\n")
    assert summary_note(REPORT, {}) == flowing(REPORT)
