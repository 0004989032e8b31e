"""Whom a campaign should be sent to: by uplift, by response, to all or to none, with the figures behind it in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml.uplift.comparison import FIRST, RESPONSE, UpliftEvidence
from quanyu.sentences import Sentence

NAMES = {
    "s_learner": Sentence("S-learner", "S 学习器"),
    "t_learner": Sentence("T-learner", "T 学习器"),
    "class_transformation": Sentence("class transformation", "类别转换法"),
    RESPONSE: Sentence("response model", "响应模型"),
}
# All that a verdict says, in both languages.
WORDS = {
    "uplift": Sentence("Target by uplift: {why}", "按增量模型选人触达：{why}"),
    "response": Sentence("Target by response: {why}", "按响应模型选人触达：{why}"),
    "all": Sentence("Target all: {why}. {ranking}.", "全部触达：{why}。{ranking}。"),
    "none": Sentence("Target none: {why}. {ranking}.", "不要触达：{why}。{ranking}。"),
    "why_order": Sentence(
        "{ranking}. Among the first {first} of its ranking contact changes the outcome by {among_first}, among all by"
        " {among_all}",
        "{ranking}。触达对排序前 {first} 的客户改变结果 {among_first}，对全体改变 {among_all}",
    ),
    "gains": Sentence(
        "{words} Contact with those who seem to pay gains {gain} per customer, {over_all} more than contact with all.",
        "{words}。只触达看来划算的客户，平均每位客户收益 {gain}，比全部触达多 {over_all}。",
    ),
    "on_average": Sentence("contact changes the outcome by {effect} on average", "触达平均改变结果 {effect}"),
    "after_costs": Sentence(
        "{words} and gains {net} per customer after costs", "{words}，扣除成本后平均每位客户收益 {net}"
    ),
    "no_difference": Sentence(
        "{words}, and nothing shows that it differs between customers: no ranking beats a random order",
        "{words}，没有证据表明效果因人而异：没有任何排序优于随机",
    ),
    "not_over_response": Sentence(
        "{words}, and a ranking by uplift beats a random order, but is not shown to beat the response model",
        "{words}；按增量排序优于随机，但没有证据表明优于响应模型",
    ),
    "gains_no_more": Sentence(
        "{words}, and contact by the {learner} gains no more ({over_all})",
        "{words}；按{learner}选人触达并不能多收益（{over_all}）",
    ),
    "helps_nobody": Sentence(
        "contact changes the outcome by {effect}, and no ranking finds customers whom it helps",
        "触达改变结果 {effect}，没有任何排序能找出触达对其有益的客户",
    ),
    "no_effect": Sentence(
        "no effect is shown; contact changes the outcome by {effect}", "没有证据表明触达有效；触达改变结果 {effect}"
    ),
    "too_dear": Sentence(
        "contact works ({effect}), but costs as much as it brings: it gains {net} per customer",
        "触达有效（{effect}），但成本抵消了收益：平均每位客户收益 {net}",
    ),
    "ranks_better": Sentence(
        "the {best} ranks better than the response model (Qini {qini} against {response}, difference {over}, {where})",
        "{best}的排序优于响应模型（Qini {qini} 对 {response}，差 {over}，{where}）",
    ),
    "ranks_no_better": Sentence(
        "no uplift learner beats the response model (the best, the {best}: Qini {qini} against {response}, difference"
        " {over}, {where})",
        "没有增量模型优于响应模型（最好的{best}：Qini {qini} 对 {response}，差 {over}，{where}）",
    ),
    "halves": Sentence("on {halves} random halves", "{halves} 次随机对半检验"),
    "later": Sentence("on later campaigns", "以之后的活动检验"),
}
Target = Literal["uplift", "response", "all", "none"]


@dataclass(frozen=True)
class TargetingVerdict:
    """Whom to send to, by which learner (empty for all and none), and why, in a sentence or two."""

    target: Target
    learner: str
    beats_response: bool
    """Whether a learner of uplift ranks better than the response model and than chance, surely."""
    sentence: Sentence


def verdict(evidence: UpliftEvidence) -> TargetingVerdict:
    """Judge the figures of an experiment.

    A ranking counts if it beats chance: that of the response model if its Qini is above 0, one of uplift if it is also
    above that of the response model. Where contact costs, it must also gain, and more than contact with all does.
    Where contact costs nothing, it says who comes first.
    """
    beats = evidence.over_response[evidence.best].low > 0 and evidence.qini[evidence.best].low > 0
    order = evidence.best if beats else RESPONSE if evidence.qini[RESPONSE].low > 0 else ""
    target: Target = "uplift" if beats else "response"
    if order and (_pays(evidence, order) if evidence.terms.cost else _works(evidence, order)):
        return TargetingVerdict(target, order, beats, WORDS[target].filled(why=_why_order(evidence, order)))
    target, why = ("all", _why_all(evidence, order)) if evidence.net.low > 0 else ("none", _why_none(evidence))
    sentence = WORDS[target].filled(why=why, ranking=_begun(_against_response(evidence)))
    return TargetingVerdict(target, "", beats, sentence)


def _works(evidence: UpliftEvidence, order: str) -> bool:
    return evidence.effect.low > 0 or evidence.first[order].low > 0


def _pays(evidence: UpliftEvidence, order: str) -> bool:
    return evidence.gains[order].low > 0 and (evidence.over_all[order].low > 0 or evidence.net.low <= 0)


def _why_order(evidence: UpliftEvidence, order: str) -> Sentence:
    words = WORDS["why_order"].filled(
        ranking=_against_response(evidence), first=f"{FIRST:.0%}", among_first=evidence.first[order],
        among_all=evidence.effect,
    )  # fmt: skip
    if evidence.terms.cost:
        return WORDS["gains"].filled(words=words, gain=evidence.gains[order], over_all=evidence.over_all[order])
    return words


def _why_all(evidence: UpliftEvidence, order: str) -> Sentence:
    words = WORDS["on_average"].filled(effect=evidence.effect)
    if evidence.terms.cost:
        words = WORDS["after_costs"].filled(words=words, net=evidence.net)
    if not order:
        differs = evidence.qini[evidence.best].low > 0
        return WORDS["not_over_response" if differs else "no_difference"].filled(words=words)
    return WORDS["gains_no_more"].filled(words=words, learner=NAMES[order], over_all=evidence.over_all[order])


def _why_none(evidence: UpliftEvidence) -> Sentence:
    key = "helps_nobody" if evidence.effect.high <= 0 else "no_effect" if evidence.effect.low <= 0 else "too_dear"
    return WORDS[key].filled(effect=evidence.effect, net=evidence.net)


def _begun(sentence: Sentence) -> Sentence:
    """The sentence where it stands first: with a capital."""
    return Sentence(f"{sentence[0].upper()}{sentence[1:]}", sentence.chinese)


def _against_response(evidence: UpliftEvidence) -> Sentence:
    best, over = evidence.best, evidence.over_response[evidence.best]
    where = WORDS["halves" if evidence.halves else "later"].filled(halves=evidence.halves)
    return WORDS["ranks_better" if over.low > 0 else "ranks_no_better"].filled(
        best=NAMES[best], qini=evidence.qini[best], response=evidence.qini[RESPONSE], over=over, where=where
    )
