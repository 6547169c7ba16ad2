"""Reads the README pages: what they set as code, their tables and headings."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page
    for page in ROOT.rglob("README.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def spans(text: str) -> set[str]:
    """What is set as code."""
    return set(re.findall(r"`([^`\n]+)`", text))


def rows(path: str, head: str) -> list[list[str]]:
    """The cells of each row of the table whose first column is called `head`."""
    _, found, rest = page(path).partition(f"\n| {head} |")
    assert found, f"{path} has no table of {head}"
    table = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table]


def first_column(path: str, head: str) -> set[str]:
    """What a table lists as code in its first column."""
    return {name for row in rows(path, head) for name in spans(row[0])}


def headings(path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
