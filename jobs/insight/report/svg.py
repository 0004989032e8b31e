"""Plots as inline SVG, whose text the browser sets, so that Chinese needs no font of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

WIDTH, HEIGHT = 920, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 30
MOST_TICKS = 6
BLUE, GREEN, RED, GREY = "#2f6fde", "#2e9e6b", "#d9534f", "#98a2b3"


def trend(days: Sequence[date], sizes: Sequence[int], label: str) -> str:
    """A line of the size by day; the axis begins at 0, so that a change looks as large as it is."""
    ticks = _ticks(max(*sizes, 1))
    most = ticks[-1]
    first, span = days[0], max((days[-1] - days[0]).days, 1)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(day: date, size: float) -> tuple[float, float]:
        return LEFT + inner_width * (day - first).days / span, TOP + inner_height * (1 - size / most)

    points = [at(day, size) for day, size in zip(days, sizes, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{TOP + inner_height} {line} {points[-1][0]:.1f},{TOP + inner_height}"
    parts = [_level(tick, at(first, tick)[1]) for tick in ticks]
    parts += [f'<polygon points="{area}" fill="{BLUE}" opacity=".12"/>',
              f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="2"/>']  # fmt: skip
    parts += [f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="4" fill="{BLUE}"/>']
    step = max(-(-len(days) // MOST_TICKS), 1)
    for n in range(0, len(days), step):
        x, anchor = points[n][0], "start" if n == 0 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{days[n]}</text>')
    return _svg(WIDTH, HEIGHT, label, parts)


def _ticks(most: int) -> list[int]:
    """Round numbers from 0 to one that is not below the largest, at most six."""
    power = 10 ** max(math.floor(math.log10(most)) - 1, 0)
    step = next(power * factor for factor in (1, 2, 5, 10, 20, 50) if power * factor * 5 >= most)
    return list(range(0, most + step, step))


def _level(size: float, y: float) -> str:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e7ec"/>'
    return f'{line}<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{size:,.0f}</text>'


def index_bar(index: float) -> str:
    """A bar from 100 to the right for a larger target group index, to the left for a smaller one; 300 fills it."""
    half, most = 60.0, 300.0
    length = half * (min(index, most) - 100) / (most - 100) if index >= 100 else half * (100 - index) / 100
    x, colour = (half, GREEN) if index >= 100 else (half - length, RED)
    parts = [f'<rect x="{x:.1f}" y="3" width="{max(length, 1):.1f}" height="10" rx="2" fill="{colour}"/>',
             f'<line x1="{half}" x2="{half}" y1="0" y2="16" stroke="#667085"/>']  # fmt: skip
    return _svg(120, 16, f"{index:.0f}", parts)


def share_bar(shares: Mapping[str, float]) -> str:
    """One bar that is divided by shares of one whole, each in its colour."""
    parts, x = [], 0.0
    for colour, share in shares.items():
        parts.append(f'<rect x="{x:.1f}" y="1" width="{260 * share:.1f}" height="14" fill="{colour}"/>')
        x += 260 * share
    return _svg(260, 16, "", [*parts, '<rect x=".5" y=".5" width="259" height="15" fill="none" stroke="#d0d5dd"/>'])


def matrix(names: Sequence[str], shares: Mapping[tuple[str, str], float], label: str) -> str:
    """A field for each pair of names: the share of the row's members who are in the column's audience too."""
    cell, left, top = 62, 210, 118
    width, height = left + cell * len(names) + 90, top + 28 * len(names) + 6
    parts = []
    for n, name in enumerate(names):
        x, y = left + cell * n + cell / 2, top + 28 * n
        parts.append(f'<text x="{x}" y="{top - 8}" transform="rotate(-35 {x} {top - 8})">{escape(name)}</text>')
        parts.append(f'<text x="{left - 8}" y="{y + 19}" text-anchor="end">{escape(name)}</text>')
        for m, other in enumerate(names):
            share = 1.0 if n == m else shares.get((name, other), 0.0)
            parts.append(_field(left + cell * m, y, cell, share, n == m))
    return _svg(width, height, label, parts)


def _field(x: float, y: float, width: int, share: float, same: bool) -> str:
    fill = "#f2f4f7" if same else f"rgba(47,111,222,{0.05 + 0.85 * share:.2f})"
    colour = "#fff" if share > 0.6 and not same else "#1d2939"
    words = "" if same else f"{share:.0%}"
    rect = f'<rect x="{x}" y="{y}" width="{width - 2}" height="26" fill="{fill}"/>'
    return f'{rect}<text x="{x + width / 2 - 1}" y="{y + 18}" text-anchor="middle" fill="{colour}">{words}</text>'


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(label)}">{body}</svg>'
