"""The card of a trained version, in English and Chinese: what it foretells, how well, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from quanyu.grammar.model_spec import ModelSpec
from quanyu.sentences import in_chinese

if TYPE_CHECKING:
    import pandas as pd

    from ml.lifecycle.evaluate import Evaluation, GateResult
    from ml.lifecycle.tracking import Dataset
    from ml.lifecycle.train import Trained

SHOWN = (
    "auc", "average_precision", "lift_at_10pct", "brier", "calibration_in_the_large", "auc_over_baseline",
    "auc_over_bg_nbd",
    "over_champion", "profit", "baseline_profit", "profit_of_all", "qini", "qini_over_response", "uplift_at_30pct",
    "uplift_at_30pct_over_response", "effect", "mean_uplift", "effect_slope", "gain", "gain_over_all",
)  # fmt: skip


@dataclass(frozen=True)
class CardText:
    """Sentences and headings of a card in one language. Those with braces are filled in."""

    title: str
    who: str
    question: str
    passed: str
    failed: str
    verdict: str
    learned: str
    came: str
    mean: str
    tested: str
    drawn: str
    figures: tuple[str, str, str, str]
    names: dict[str, str]
    explanation: dict[str, str]
    random_split: str
    tables: dict[str, str]
    columns: dict[str, str]
    checks: str
    results: tuple[str, str]
    meanings: dict[str, str]
    notes: str
    limits: str
    limits_of_number: str
    limits_of_effect: str


ENGLISH = CardText(
    title="Model card: {name}",
    who="Answers for it: {owner}. Trained on {day}.",
    question="**Foretells**: {about} Of {entities} with `{population}`, within {days} days.",
    passed="**May be used.** Every check below passed.",
    failed="**Must not be used.** {number} of the checks below failed:",
    verdict="**Whom to contact**: {verdict}",
    learned="Learned from {rows} rows of {entities} at {cutoffs} cutoffs, {first} to {last}; {came}.",
    came="of them {rate} came true",
    mean="what came was {rate} on average",
    tested="Tested on {rows} {entities} of {cutoff}, whose outcome was known on {day} and not seen in training.",
    drawn="Tested on {rows} draws of {number} {entities}, {cutoff} to {last}, whose outcome was known on {day} and not"
    " seen in training.",
    figures=("figure", "model", "95 % interval", "baseline `{baseline}`"),
    names={
        "auc": "AUC",
        "average_precision": "average precision",
        "lift_at_10pct": "lift of the first tenth",
        "brier": "Brier score",
        "calibration_in_the_large": "foretold / came true",
        "auc_over_baseline": "AUC over the baseline",
        "auc_over_bg_nbd": "AUC over BG/NBD",
        "over_champion": "better than the champion",
        "profit": "profit of 1,000, contacts by the model",
        "baseline_profit": "the same by the baseline",
        "profit_of_all": "the same, all contacted",
        "qini": "Qini",
        "qini_over_response": "Qini over the response model",
        "uplift_at_30pct": "effect of contact among the first 30 %",
        "uplift_at_30pct_over_response": "the same over the response model",
        "effect": "effect of contact among all",
        "mean_uplift": "effect that was foretold",
        "effect_slope": "effects came / foretold, as they differ",
        "gain": "gain per customer, contacts by the model",
        "gain_over_all": "the same over contact with all",
    },
    explanation={
        "auc": "- AUC: of two, one of whom it comes true for, how often the model ranks that one first; .5 is chance.",
        "lift_at_10pct": "- Lift of the first tenth: how many times more often it comes true there than among all.",
        "calibration_in_the_large": "- Foretold / came true: 1 is right on the whole; above it, too much was foretold.",
        "foretold_to_actual": "- Foretold / came: 1 is right on the whole; above it, too much was foretold.",
        "brier": "- Brier score: mean squared error; its baseline foretells the share in training to all.",
        "mae": "- MAE: mean absolute error, in the unit of what is foretold.",
    },
    random_split="A random split of the training rows gives an AUC of {auc}: it flatters, and is no promise.",
    tables={"tenths": "By tenth of the scores", "segments": "By segment", "importance": "What it needs most"},
    columns={},
    checks="Checks",
    results=("passed", "failed"),
    meanings={},
    notes="Of the data",
    limits="The score is a probability within the population above, on days like those of the test. It does not say"
    " that a contact changes anything: that takes an experiment.",
    limits_of_number="What is foretold holds within the population above, on days like those of the test. It does not"
    " say that a contact changes anything: that takes an experiment.",
    limits_of_effect="The uplift is what contact by campaigns like these adds, on average, to customers with the same"
    " features. Qini is 0 for a random order, and 1 for a perfect one.",
)
CHINESE = CardText(
    title="模型卡片：{name}",
    who="负责团队：{owner}。训练日：{day}。",
    question="**预测内容**：{about} 人群：`{population}`，期限 {days} 天。",
    passed="**可以使用。** 下列检查全部通过。",
    failed="**不得使用。** 下列检查有 {number} 项未通过：",
    verdict="**投放结论**：{verdict}",
    learned="训练数据：{rows} 行，{cutoffs} 个截止日（{first} 至 {last}），{came}。",
    came="其中实际发生 {rate}",
    mean="实际平均为 {rate}",
    tested="检验数据：{cutoff} 的 {rows} 行，其结果于 {day} 才知道，训练中未使用。",
    drawn="检验数据：{cutoff} 至 {last} 抽取的 {rows} 行（{number} 位客户），其结果于 {day} 才知道，训练中未使用。",
    figures=("指标", "模型", "95% 区间", "基线 `{baseline}`"),
    names={
        "auc": "AUC", "average_precision": "平均精确率", "lift_at_10pct": "前 10% 提升度", "brier": "Brier 分数",
        "calibration_in_the_large": "预测 / 实际", "auc_over_baseline": "AUC 高出基线",
        "auc_over_bg_nbd": "AUC 高出 BG/NBD",
        "over_champion": "优于现用模型", "profit": "每千人利润（按模型触达）",
        "baseline_profit": "每千人利润（按基线触达）", "profit_of_all": "每千人利润（全部触达）",
        "qini": "Qini 系数", "qini_over_response": "Qini 高出响应模型", "uplift_at_30pct": "前 30% 人群的触达增量",
        "uplift_at_30pct_over_response": "同上，高出响应模型", "effect": "全体的触达增量",
        "mean_uplift": "预测的触达增量", "effect_slope": "差异：实际 / 预测", "gain": "人均收益（按模型触达）",
        "gain_over_all": "同上，高出全部触达", "mae": "平均绝对误差", "median_error": "绝对误差中位数",
        "correlation": "相关系数", "foretold_to_actual": "预测 / 实际", "coverage": "落在区间内",
    },
    explanation={
        "auc": "- AUC：随机取一个发生者和一个未发生者，模型把前者排在前面的机会；0.5 等于随机。",
        "lift_at_10pct": "- 前 10% 提升度：得分最高的十分之一里，实际发生率是平均的几倍。",
        "calibration_in_the_large": "- 预测 / 实际：1 为总体准确，大于 1 为预测偏高。",
        "foretold_to_actual": "- 预测 / 实际：1 为总体准确，大于 1 为预测偏高。",
        "brier": "- Brier 分数：概率的均方误差；其基线对所有人预测训练期的发生率。",
        "mae": "- 平均绝对误差：与预测值同单位。",
    },
    random_split="对训练数据随机拆分得到的 AUC 为 {auc}：偏乐观，不作承诺。",
    tables={"tenths": "按得分十分位", "segments": "按人群分段", "importance": "最依赖的特征"},
    columns={
        "tenth": "十分位", "foretold": "预测", "came": "实际", "rows": "行数", "lift": "提升度", "segment": "分段",
        "value": "取值", "share": "实际", "auc": "AUC", "auc_low": "AUC 下限", "auc_high": "AUC 上限",
        "calibration": "预测 / 实际", "calibration_low": "下限", "calibration_high": "上限", "feature": "特征",
        "loss": "打乱后增加的损失", "low": "下限", "high": "上限",
    },
    checks="检查",
    results=("通过", "未通过"),
    meanings={
        "qini_low": "排序可能并不比随机更好", "qini_over_response_low": "响应模型排序可能同样好",
        "uplift_at_30pct_over_all_low": "前 30% 的增量可能并不高于全体",
        "uplift_at_30pct_over_response_low": "响应模型的前 30% 可能同样好",
        "effect_slope_high": "客户间的差异确实小于预测", "gain_over_all_low": "按模型触达可能不如全部触达",
        "test_rows": "检验人数太少，无法判断", "positives": "实际发生太少，无法判断", "auc": "排序太差，不能据此行动",
        "auc_over_baseline": "仅用基线排序同样好", "auc_over_baseline_low": "可能并不比仅用基线更好",
        "auc_over_bg_nbd": "仅用 BG/NBD 排序同样好", "auc_over_bg_nbd_low": "可能并不比仅用 BG/NBD 更好",
        "ece": "预测与实际相差太大", "calibration_in_the_large": "总体预测偏多或偏少",
        "one_sided_shift": "几乎每个十分位都偏向同一侧", "segment_auc": "在某个分段里排序确实不好",
        "segment_calibration": "在某个分段里预测确实偏离", "over_champion_high": "现用模型在同一批客户上确实更好",
        "profit_low": "按模型触达可能得不偿失", "score_drift": "检验期的得分分布与训练时不同",
        "one_sided_error": "几乎每个十分位都偏向同一侧", "main_feature_drift": "检验期主要特征的分布与训练时不同",
        "coming_over_champion_high": "现用模型在同一批客户上确实更好", "spenders": "检验期有消费的人太少，无法判断",
        "came": "检验期回购的人太少，无法判断", "mae_below_rate_low": "过去的消费速度可能同样准",
        "correlation_over_rate_low": "按过去的消费速度排序可能同样好", "mae_below_gap_low": "客户自己的间隔可能同样准",
        "coverage": "落在四分位区间内的太少或太多", "foretold_to_actual": "总体预测偏多或偏少",
        "feature_drift": "检验期某特征的分布与训练时不同", "scoring_seconds": "打分耗时过长",
    },
    notes="数据说明",
    limits="得分是上述人群在类似检验期的日子里的概率。它不说明触达会改变什么：那需要实验。",
    limits_of_number="预测只对上述人群、在类似检验期的日子里成立。它不说明触达会改变什么：那需要实验。",
    limits_of_effect="增量是此类活动触达对特征相同的客户平均增加的概率。Qini 为 0 等于随机排序，1 为完美排序。",
)  # fmt: skip


def cards(spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset) -> dict[str, str]:
    """The card in Markdown by the name of its file: `card` in English, `card_zh` in Chinese."""
    languages = {"card": ENGLISH, "card_zh": CHINESE}
    return {name: _card(words, spec, trained, evaluation, dataset) for name, words in languages.items()}


def _card(
    words: CardText, spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset
) -> str:  # fmt: skip
    facts, about = trained.facts, (words is CHINESE and spec.zh) or " ".join((spec.__doc__ or "").split())
    entities, rows = spec.entity.plural(2), f"{facts['rows']:,}"
    cutoffs = facts["cutoffs"]
    rate = _number("positive_rate", facts.get("positive_rate", facts.get("mean_label", float("nan"))))
    verdict = words.failed.format(number=len(evaluation.reasons)) if evaluation.reasons else words.passed
    asked = words.question.format(
        about=about, entities=entities, population=spec.population, days=spec.label.horizon_days
    )
    came = (words.came if "positive_rate" in facts else words.mean).format(rate=rate)
    learned = words.learned.format(
        rows=rows, entities=entities, cutoffs=len(cutoffs), first=cutoffs[0], last=cutoffs[-1], came=came
    )
    notes = [_in(words, note) for note in dataset.notes]
    failed = [_line(words, result) for result in evaluation.gates if not result.passed]
    parts = [
        f"# {words.title.format(name=spec.name)}",
        words.who.format(owner=spec.owner, day=dataset.day), asked,
        "\n".join([verdict, "", *failed, *(f"- {_in(words, leak)}" for leak in evaluation.leaks)]).strip(),
        *([words.verdict.format(verdict=_in(words, evaluation.verdict))] if evaluation.verdict else []),
        f"{learned} {_tested(words, spec, evaluation, dataset)}",
        *_figures(words, spec, evaluation.metrics),
        *_tables(words, evaluation.tables),
        f"## {words.checks}", "\n".join(_line(words, result) for result in evaluation.gates),
        *([f"## {words.notes}", "\n".join(f"- {note}" for note in notes)] if notes else []),
        _limits(words, spec, evaluation),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _tested(words: CardText, spec: type[ModelSpec], evaluation: Evaluation, dataset: Dataset) -> str:
    """On whom it was tested: everybody of one cutoff, or the draws of campaigns, some of the same customers."""
    test = evaluation.test
    filled = {"rows": f"{len(test):,}", "entities": spec.entity.plural(2), "cutoff": dataset.test_cutoff}
    if spec.experiment is None or test.empty:
        return words.tested.format(**filled, day=dataset.day)
    last, number = str(test["cutoff"].max())[:10], f"{test[spec.entity.key].nunique():,}"
    return words.drawn.format(**filled, day=dataset.day, last=last, number=number)


def _limits(words: CardText, spec: type[ModelSpec], evaluation: Evaluation) -> str:
    """What the score is, and what it does not say."""
    if "effect" in evaluation.metrics:
        return words.limits_of_effect
    unit = next(iter(spec.task.columns.values())).unit
    return words.limits if unit == "probability" else words.limits_of_number


def _in(words: CardText, text: str) -> str:
    """A sentence of the evaluation in the language of the card."""
    return in_chinese(text) if words is CHINESE else text


def _line(words: CardText, result: GateResult) -> str:
    """What came of a check."""
    meaning = "" if result.passed else words.meanings.get(result.gate.metric, result.meaning)
    return f"- {result.gate}: {result.value:.4g}, {words.results[not result.passed]}" + (meaning and f" ({meaning})")


def _shown(spec: type[ModelSpec]) -> list[str]:
    """Figures of a card: those that are known, then others that the task heads; a baseline's stand beside its own."""
    others = set(spec.task.beside.values())
    headed = [name for name in spec.task.headings if not name.startswith("baseline_") and name not in others]
    return list(dict.fromkeys([*SHOWN, *headed]))


def _figures(words: CardText, spec: type[ModelSpec], metrics: dict[str, float]) -> list[str]:
    """Table of the figures, what they mean, and the warning of a random split."""
    heads = [
        head.format(baseline=spec.baseline.feature if spec.baseline else spec.task.compared_with or "-")
        for head in words.figures
    ]
    rows: list[list[str]] = []
    for name in (name for name in _shown(spec) if name in metrics):
        label = words.names.get(name, spec.task.headings.get(name, name))
        bounds = [_number(name, metrics[f"{name}_{end}"]) for end in ("low", "high") if f"{name}_{end}" in metrics]
        baseline = metrics.get(spec.task.beside.get(name, f"baseline_{name}")) if name != "profit" else None
        row = [label, _number(name, metrics[name]), " – ".join(bounds), _number(name, baseline)]
        rows.append(row)
    texts = [_markdown(heads, rows)]
    texts.append("\n".join(text for name, text in words.explanation.items() if name in metrics))
    if "random_split_auc" in metrics:
        texts.append(words.random_split.format(auc=_number("auc", metrics["random_split_auc"])))
    return texts


def _tables(words: CardText, tables: dict[str, pd.DataFrame]) -> list[str]:
    texts = []
    for name, table in tables.items():
        heads = [words.columns.get(column, column.replace("_", " ")) for column in table.columns]
        rows = [[_number(str(column), value) for column, value in row.items()] for row in table.to_dict("records")]
        texts += [f"## {words.tables.get(name, name)}", _markdown(heads, rows)]
    return texts


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(name: str, value: object) -> str:
    """A figure as text; an empty one for none."""
    if not isinstance(value, float):
        return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    if isnan(value):
        return ""
    return f"{value:,.0f}" if name.endswith(("profit", "profit_of_all")) else f"{value:.3f}"
