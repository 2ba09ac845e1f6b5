"""Words for people: a count and its noun."""


def plural(count: float, noun: str) -> str:
    """The noun, with an s unless there is one of it."""
    return noun if count == 1 else f"{noun}s"


def counted(count: int, noun: str) -> str:
    """`1 pair`, `2 pairs`."""
    return f"{count} {plural(count, noun)}"
