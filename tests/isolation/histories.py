"""A checker of list-append histories: Elle (Kingsbury and Alvaro, VLDB 2020) in miniature.

Transactions append values, each used once, to lists, and read whole lists. A list that was read
tells in which order its appends took effect, so what depends on what can be inferred: ww (replaced),
wr (read what another wrote), rw (read what another then replaced). A cycle of these is an anomaly,
by Adya's names: G0 of ww alone, G1c with wr, G-single with one rw, G2 with more.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Append:
    """A value is put at the end of the list of this key."""

    key: str
    value: str


@dataclass(frozen=True)
class Read:
    """The list of this key is read."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Transaction:
    """What one transaction did, in order."""

    name: str
    steps: tuple[Append | Read, ...]
    committed: bool = True

    def reads(self) -> Iterator[Read]:
        return (step for step in self.steps if isinstance(step, Read))

    def appends(self) -> Iterator[Append]:
        return (step for step in self.steps if isinstance(step, Append))


@dataclass(frozen=True)
class Anomaly:
    """What is wrong with a history, and where."""

    kind: str
    where: str


def check(history: Iterable[Transaction]) -> list[Anomaly]:
    """Everything that is wrong with a history whose last transaction reads every list."""
    transactions = list(history)
    committed = [transaction for transaction in transactions if transaction.committed]
    orders = _orders(committed)
    return [
        *_wrong_values(transactions, committed, orders),
        *_inconsistent_inside(committed),
        *_cycles(_edges(committed, orders)),
    ]


def kinds(history: Iterable[Transaction]) -> set[str]:
    """The kinds of what is wrong."""
    return {anomaly.kind for anomaly in check(history)}


Edges = dict[str, dict[str, set[str]]]


def _orders(committed: list[Transaction]) -> dict[str, tuple[str, ...]]:
    """The longest list that was read of each key."""
    orders: dict[str, tuple[str, ...]] = {}
    for transaction in committed:
        for read in transaction.reads():
            orders[read.key] = max(orders.get(read.key, ()), read.values, key=len)
    return orders


def _wrong_values(
    transactions: list[Transaction], committed: list[Transaction], orders: dict[str, tuple[str, ...]]
) -> Iterator[Anomaly]:
    """What reads show by themselves: G1a, G1b, lost, doubled, unknown, incompatible orders."""
    writer = {append.value: transaction for transaction in transactions for append in transaction.appends()}
    last = {
        (transaction.name, append.key): append.value for transaction in committed for append in transaction.appends()
    }
    for transaction in committed:
        for read in transaction.reads():
            where = f"{transaction.name} read {read.key}: {read.values}"
            if read.values != orders[read.key][: len(read.values)]:
                yield Anomaly("incompatible order", f"{where}, others read {orders[read.key]}")
            if len(set(read.values)) < len(read.values):
                yield Anomaly("doubled", where)
            if not writer.keys() >= set(read.values):
                yield Anomaly("unknown", where)
                continue
            if any(not writer[value].committed for value in read.values):
                yield Anomaly("G1a", where)
            elif read.values:
                by = writer[read.values[-1]].name
                if by != transaction.name and last[by, read.key] != read.values[-1]:
                    yield Anomaly("G1b", where)
        for append in transaction.appends():
            if append.value not in orders.get(append.key, ()):
                yield Anomaly("lost append", f"{transaction.name} appended {append.value} to {append.key}")


def _inconsistent_inside(committed: list[Transaction]) -> Iterator[Anomaly]:
    """A transaction does not see its own append at the end of the list."""
    for transaction in committed:
        own: dict[str, list[str]] = defaultdict(list)
        for step in transaction.steps:
            if isinstance(step, Append):
                own[step.key].append(step.value)
            elif own[step.key] and list(step.values[-len(own[step.key]) :]) != own[step.key]:
                yield Anomaly("internal", f"{transaction.name} read {step.key}: {step.values} after {own[step.key]}")


def _edges(committed: list[Transaction], orders: dict[str, tuple[str, ...]]) -> Edges:
    writer = {append.value: transaction.name for transaction in committed for append in transaction.appends()}
    edges: Edges = {"ww": defaultdict(set), "wr": defaultdict(set), "rw": defaultdict(set)}

    def add(kind: str, source: str | None, target: str | None) -> None:
        if source and target and source != target:
            edges[kind][source].add(target)

    for order in orders.values():
        for one, next_one in pairwise(order):
            add("ww", writer.get(one), writer.get(next_one))
    for transaction in committed:
        for read in transaction.reads():
            # Its own appends at the end of what it read say nothing about others.
            foreign = [value for value in read.values if writer.get(value) != transaction.name]
            if foreign:
                add("wr", writer.get(foreign[-1]), transaction.name)
            for value in orders[read.key][len(read.values) :][:1]:
                add("rw", transaction.name, writer.get(value))
    return edges


# An edge of this kind and a way back along edges of these kinds make a cycle of this name.
CYCLES: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "ww": [("G0", ("ww",))],
    "wr": [("G1c", ("ww", "wr"))],
    "rw": [("G-single", ("ww", "wr")), ("G2", ("ww", "wr", "rw"))],
}


def _cycles(edges: Edges) -> Iterator[Anomaly]:
    """One cycle through each edge that closes one, under its weakest name."""
    for kind, names in CYCLES.items():
        for source, targets in edges[kind].items():
            for target in targets:
                for name, way_back in names:
                    path = _path(edges, way_back, target, source)
                    if path:
                        yield Anomaly(name, " -> ".join([source, *path]))
                        break


def _path(edges: Edges, kinds: tuple[str, ...], start: str, goal: str) -> list[str]:
    """The shortest way along edges of these kinds, both ends included; empty where there is none."""
    came_from = {start: ""}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == goal:
            path = [here]
            while came_from[path[0]]:
                path.insert(0, came_from[path[0]])
            return path
        for kind in kinds:
            for there in edges[kind].get(here, ()):
                if there not in came_from:
                    came_from[there] = here
                    queue.append(there)
    return []
