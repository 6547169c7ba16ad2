"""Reads a page as a browser and a screen reader do."""

from html.parser import HTMLParser

from typing_extensions import override


class Document(HTMLParser):
    """The elements of a page, and what labels name which."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.labelled: set[int] = set()  # inputs inside a label, by their place
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "label" in self._open:
            self.labelled.add(len(self.elements))
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "input"}:
            self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag  # every element is closed where it should be

    @override
    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **having: str) -> list[dict[str, str]]:
        """Every element of a kind with these attributes."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and having.items() <= attributes.items()
        ]

    def nameless(self) -> list[dict[str, str]]:
        """Fields that a screen reader could not name."""
        named = {label.get("for") for label in self.all("label")}
        return [
            attributes
            for place, (tag, attributes) in enumerate(self.elements)
            if tag in {"input", "select"} and attributes.get("type") != "hidden"
            if place not in self.labelled and attributes.get("id") not in named
        ]
