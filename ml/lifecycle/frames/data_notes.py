"""What a reader of a model must know of its rows, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from quanyu.plurals import number_of
from quanyu.sentences import Sentence

if TYPE_CHECKING:
    from quanyu.grammar.entity import Entity
    from quanyu.point_in_time.frame import Frame

UNKNOWN_ODDS = "odds of arms differ between customers, and only those of the arm that came were logged"


def on_identities(frame: Frame) -> list[Sentence]:
    """Notes of a frame: rows whose identity is of today, and rows of entities that were not there."""
    chinese, today, began = [], f"{frame.with_todays_identity:,}", frame.log_began
    if frame.with_todays_identity:
        since = f"客户编号日志始于 {began}" if began else "尚无客户编号日志"
        chinese.append(f"{frame.count:,} 行中有 {today} 行按今天的身份归并：{since}")
    if frame.unknown:
        chinese.append(f"{frame.count:,} 行中有 {frame.unknown:,} 行的对象当时尚不存在，全部为空")
    return [Sentence(*both) for both in zip(frame.notes(), chinese, strict=True)]


def on_sample(entity: type[Entity], share: float, memory: str) -> Sentence:
    """That a share of the entities was drawn, as more rows do not fit into memory."""
    return Sentence(
        f"learned from and tested on {share:.1%} of the {entity.plural(2)}, drawn by a hash of their keys: more"
        f" rows do not fit into {memory} (models.memory)",
        f"训练与检验只用了 {share:.1%} 的对象，按主键的哈希抽取：更多行放不进 {memory} 内存（models.memory）",
    )


def on_incomparable(without_both_arms: Mapping[str, int], of_unknown_odds: Mapping[str, int]) -> list[Sentence]:
    """Notes on campaigns whose draws tell of no effect, with the number of their draws."""
    reasons = (
        (without_both_arms, "all rows are of the control, or none is, so that there is nobody to compare with",
         "只有对照组，或没有对照组，无从比较"),
        (of_unknown_odds, UNKNOWN_ODDS,
         "各组概率因人而异，而只记录了所分到组的概率"),
    )  # fmt: skip
    return [
        Sentence(f"{number_of(sum(counts.values()), 'assignment')} of {', '.join(counts)} left out: {words}",
                 f"剔除活动 {'、'.join(counts)} 的 {sum(counts.values()):,} 条分组记录：{chinese}")
        for counts, words, chinese in reasons if counts
    ]  # fmt: skip


def on_left_out(draws: int, without: int, several: int, unknown: int, others: int) -> list[Sentence]:
    """Notes on those of so many draws of campaigns that are no rows.

    They are draws `without` a probability, customers in `several` arms, and draws of persons `unknown` the day before,
    or of `others` who were not in the population then.
    """
    notes = {
        Sentence(
            f"{without:,} of {number_of(draws, 'assignment')} left out: no probability was logged",
            f"{draws:,} 条分组记录中剔除 {without:,} 条：没有记录分组概率",
        ): without,
        Sentence(
            f"{number_of(several, 'customer')} left out of a campaign: drawn into more than one of its arms",
            f"剔除 {several:,} 位客户的活动：同一活动中被分到不止一组",
        ): several,
        Sentence(
            f"{number_of(unknown, 'assignment')} left out: nobody knew of the person the day before",
            f"剔除 {unknown:,} 条分组记录：前一天尚不认识此人",
        ): unknown,
        Sentence(
            f"{number_of(others, 'assignment')} left out: not there, or not of the population, the day before",
            f"剔除 {others:,} 条分组记录：前一天不存在，或不属于目标人群",
        ): others,
    }
    return [note for note, number in notes.items() if number]
