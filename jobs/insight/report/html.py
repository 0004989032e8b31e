"""The report of an audience as one page of HTML, with everything in it: it loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from jobs.insight.audience_warnings import is_young
from jobs.insight.report import svg
from jobs.insight.report.content import AudienceReport
from jobs.insight.report.sections import index_table, lift, overlaps, places, reach, worth
from jobs.insight.report.words import ReportWords

STYLE = """
body{font:15px/1.55 "Inter","Noto Sans SC","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;
color:#1d2939;background:#f5f6f8;margin:0}
main{max-width:1000px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:0 0 10px}h3{font-size:15px;margin:18px 0 6px}
section{background:#fff;border:1px solid #e4e7ec;border-radius:10px;padding:18px 22px;margin-top:16px;overflow-x:auto}
p{margin:4px 0 10px}.faint{color:#667085;font-size:13px}code{background:#f2f4f7;border-radius:4px;padding:1px 5px;
font-size:13px;white-space:pre-wrap}dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:14px 0 0}
dt{color:#667085}dd{margin:0}table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;color:#667085;font-weight:500;font-size:13px}td,th{padding:5px 10px 5px 0;
border-bottom:1px solid #f0f1f3;vertical-align:middle}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.tiles{display:flex;gap:12px;flex-wrap:wrap;margin-top:16px}.tile{background:#fff;border:1px solid #e4e7ec;
border-radius:10px;padding:12px 18px;min-width:130px;flex:1}.tile b{display:block;font-size:24px;line-height:1.3}
.warn{border-color:#f0b429;background:#fffaeb}svg{max-width:100%;height:auto;display:inline-block;vertical-align:middle}
svg text{font-size:11px;fill:#475467}td svg{max-width:none}.key{display:inline-block;width:11px;height:11px;
border-radius:2px;margin:0 5px 0 14px}ul{margin:0;padding-left:20px}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(report: AudienceReport, language: str) -> str:
    """The page in a language, `en` or `zh`."""
    words = ReportWords(language)
    title = escape(words("title", name=report.audience.name))
    parts = [*_head(report, words, title), _warnings(report, words), _tiles(report, words), _trend(report, words),
             _profile(report, words), overlaps(report, words), reach(report, words), worth(report, words),
             places(report, words), lift(report, words)]  # fmt: skip
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(report: AudienceReport, words: ReportWords, title: str) -> Iterator[str]:
    audience = report.audience
    yield f'<h1>{title}</h1><p class="faint">{escape(words("as_of", day=report.today["day"]))}</p>'
    rows = {
        "about": words(f"entity_{audience.entity}"), "goal": words(f"goal_{audience.goal}"), "owner": audience.owner,
        "purpose": words(f"purpose_{audience.purpose}"),
        "holdout": f"{audience.holdout:.0%}" if audience.holdout else words("no_holdout"),
        "sent_to": ", ".join(audience.send_to) or words("nowhere"),
    }  # fmt: skip
    listed = "".join(f"<dt>{escape(words(key))}</dt><dd>{escape(text)}</dd>" for key, text in rows.items())
    rule = f"<dt>{escape(words('rule'))}</dt><dd><code>{escape(audience.who)}</code></dd>"
    yield f"<section><p>{escape(audience.describes)}</p><dl>{listed}{rule}</dl></section>"


def _warnings(report: AudienceReport, words: ReportWords) -> str:
    later = words("young", day=report.today["warned_from"]) if is_young(report.today) else ""
    young = f'<p class="faint">{escape(later)}</p>' if later else ""
    if not report.warnings:
        return f"<section><h2>{words('warnings')}</h2><p>{words('no_warnings')}</p>{young}</section>"
    listed = "".join(f"<li>{escape(warning.words(words.language))}</li>" for warning in report.warnings)
    return f'<section class="warn"><h2>{words("warnings")}</h2><ul>{listed}</ul>{young}</section>'


def _tiles(report: AudienceReport, words: ReportWords) -> str:
    today = report.today
    share = f"{today['size'] / today['entities']:.1%}" if today["entities"] else ""
    tiles = [(words("size"), f"{today['size']:,}", _of_all(words, share, today["entities"] or 0))]
    tiles += [(words(key), f"{today[key]:,}", "") for key in ("entered", "exited", "held_out")]
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def _of_all(words: ReportWords, share: str, entities: int) -> str:
    of_all = words("share_of_all", entities=entities)
    return f"{of_all} {share}" if words.language == "zh" else f"{share} {of_all}"


def _tile(label: str, number: str, more: str) -> str:
    return f'<div class="tile">{escape(label)}<b>{number}</b><span class="faint">{escape(more)}</span></div>'


def _trend(report: AudienceReport, words: ReportWords) -> str:
    days, sizes = [row["day"] for row in report.days], [row["size"] for row in report.days]
    heading = f"<h2>{words('trend')}</h2>"
    if len(days) == 1:
        return f"<section>{heading}<p>{words('one_day')}</p></section>"
    return f"<section>{heading}{svg.trend(days, sizes, words('trend'))}</section>"


def _profile(report: AudienceReport, words: ReportWords) -> str:
    over, under = report.over(), report.under()
    how = words("how_profile", entities=report.today["entities"] or 0)
    parts = [f'<h2>{words("profile")}</h2><p class="faint">{escape(how)}</p>']
    if not over and not under:
        parts.append(f"<p>{words('nothing')}</p>")
    for key, rows in (("over", over), ("under", under)):
        parts += [f"<h3>{words(key)}</h3>", index_table(report, words, rows)] if rows else []
    numbers = report.of_numbers()
    parts += [f"<h3>{words('of_numbers')}</h3>", index_table(report, words, numbers)] if numbers else []
    rule = report.of_rule()
    parts += [f"<h3>{words('of_rule')}</h3>", index_table(report, words, rule)] if rule else []
    return f"<section>{''.join(parts)}</section>"
