"""Daily reports of the advertising platforms, by account, campaign and audience."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.columns.strings import money
from sample.facts import DayFacts
from sample.trade import calendar
from sample.world import World
from sample.write import Out

# Platform: its accounts, yuan per thousand impressions, click rate, and share of clicks that buy.
PLATFORMS = {
    "taobao": ("tb-直通车", 38.0, 0.032, 0.042),
    "tencent": ("tx-朋友圈", 55.0, 0.014, 0.018),
    "toutiao": ("tt-信息流", 30.0, 0.018, 0.012),
    "meta": ("meta-sg", 62.0, 0.011, 0.015),
}
CAMPAIGNS = ("拉新", "复购", "新品")
AUDIENCES = (("系统推荐", 1.0, 1.0), ("相似人群", 0.6, 1.5), ("老客", 0.25, 2.6))
BASKET = 420.0


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write a file per platform, with a row per campaign and audience."""
    size = (len(world.people) / 3000) ** 0.8 * calendar.season(facts.date)
    reach, buying = (np.tile([audience[place] for audience in AUDIENCES], len(CAMPAIGNS)) for place in (1, 2))
    many = len(reach)
    for number, (platform, (account, price, clicking, converting)) in enumerate(PLATFORMS.items()):
        draw = world.rng("ads", facts.day, number)
        impressions = draw.poisson(2600 * size * reach * draw.lognormal(0, 0.2, many))
        clicks = draw.binomial(impressions, clicking * np.minimum(buying, 1.6))
        bought = draw.binomial(clicks, converting * buying)
        cost = (impressions * price / 1000 * draw.normal(1, 0.06, many) * 100).astype(np.int64)
        revenue = (bought * BASKET * draw.lognormal(0, 0.25, many) * 100).astype(np.int64)
        columns = {
            "platform": [platform] * many,
            "account": [account] * many,
            "campaign": np.repeat(CAMPAIGNS, len(AUDIENCES)),
            "audience": [audience[0] for audience in AUDIENCES] * len(CAMPAIGNS),
            "day": [str(facts.date)] * many,
            "impressions": impressions,
            "clicks": clicks,
            "cost": money(cost),
            "conversions": bought,
            "revenue": money(revenue),
        }
        out.csv(f"{platform}.csv", pa.table(columns))
