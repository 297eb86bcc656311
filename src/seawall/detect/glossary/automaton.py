"""Find every pattern of a set in one pass over a run of tokens (Aho and Corasick, 1975).

Written out rather than taken from a library: the known ones work on bytes or characters, while a term is a run of
*words*, and a few hundred terms need no compiled code. A token is looked at once, whatever the number of patterns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence


class Automaton:
    """A tree of the patterns in which each state knows the longest other beginning that its ending could be."""

    def __init__(self, patterns: Mapping[Sequence[str], int]) -> None:
        """`patterns`: runs of tokens, none of them empty, each with the number that finds are to give back."""
        self._next: list[dict[str, int]] = [{}]
        self._ends: list[list[tuple[int, int]]] = [[]]
        for pattern, value in patterns.items():
            if not pattern:
                raise ValueError(f"pattern {value} has no tokens, so it would match everywhere; give it at least one")
            state = 0
            for token in pattern:
                state = self._next[state].setdefault(token, len(self._next))
                if state == len(self._next):
                    self._next.append({})
                    self._ends.append([])
            self._ends[state].append((len(pattern), value))
        self._fall = [0] * len(self._next)
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for token, child in self._next[state].items():
                self._fall[child] = self._step(self._fall[state], token)
                self._ends[child] += self._ends[self._fall[child]]
                waiting.append(child)

    def _step(self, state: int, token: str) -> int:
        while state and token not in self._next[state]:
            state = self._fall[state]
        return self._next[state].get(token, 0)

    def find(self, tokens: Iterable[str]) -> Iterator[tuple[int, int, int]]:
        """Every occurrence as (first token, token after the last, value), in the order of their ends."""
        state = 0
        for after, token in enumerate(tokens, start=1):
            state = self._step(state, token)
            for length, value in self._ends[state]:
                yield after - length, after, value
