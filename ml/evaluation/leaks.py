"""Signs that features know the outcome: one that ranks nearly perfectly alone, and shuffled labels that are learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ml.evaluation.ranking import Ranking
from quanyu.sentences import Sentence

if TYPE_CHECKING:
    from quanyu.grammar.task import Examples, Floats

    # Learns from features of shape (rows, features) and labels, and scores other rows of features.
    Learner = Callable[[Floats, Floats, Floats], Floats]

# A model without the feature ranks as well as with it, up to this AUC: then the outcome is easy, and not leaked.
MUCH_AUC = 0.05
SHUFFLES = 5
# Beyond chance by so much AUC, and by so many standard errors of the shuffles.
BEYOND_CHANCE, ERRORS = 0.05, 4.0
KNOWS_THE_OUTCOME = Sentence(
    "{feature} knows the outcome: alone it ranks with an AUC of {alone:.3f}, the model without it with {without:.3f};"
    " look for facts that were written after the cutoff",
    "{feature} 提前知道了结果：单凭它排序的 AUC 就有 {alone:.3f}，去掉它模型只有 {without:.3f}；"
    "请检查是否用到了截止日之后才写入的数据",
)
LEARNED_FROM_NOTHING = Sentence(
    "models of shuffled labels rank with an AUC of {auc:.3f}, and not .5: the outcome reaches the learner",
    "把结果随机打乱后训练的模型 AUC 仍有 {auc:.3f}，而不是 0.5：结果泄漏进了训练",
)


def auc_of(scores: Floats, labels: Floats) -> float:
    """AUC of scores, both of shape (rows,); nan with a single outcome."""
    import numpy as np

    return float(Ranking(scores, labels).figures(np.ones((1, len(labels))))["auc"][0])


def too_good_alone(
    features: Sequence[str], examples: Examples, test: tuple[Floats, Floats], learn: Learner, bound: float
) -> list[Sentence]:
    """Features that alone rank the test's outcomes beyond `bound`, where a model without them is far from it.

    `test` are features of shape (rows, features) and labels of shape (rows,).
    """
    matrix, labels = test
    alone = {place: _auc_alone(matrix[:, place], labels) for place in range(len(features))}
    suspects = [place for place, auc in alone.items() if auc > bound]
    if not suspects:
        return []
    without = auc_of(learn(_blank(examples.matrix, suspects), examples.labels, _blank(matrix, suspects)), labels)
    return [
        KNOWS_THE_OUTCOME.filled(feature=features[place], alone=alone[place], without=without)
        for place in suspects
        if without < alone[place] - MUCH_AUC
    ]


def learned_from_nothing(examples: Examples, test: tuple[Floats, Floats], learn: Learner, seed: int) -> list[Sentence]:
    """Whether models of shuffled labels rank the test's outcomes better than chance."""
    import numpy as np

    random = np.random.default_rng(seed)
    shuffled = (random.permutation(examples.labels) for _ in range(SHUFFLES))
    aucs = np.array([auc_of(learn(examples.matrix, labels, test[0]), test[1]) for labels in shuffled])
    error = float(aucs.std(ddof=1)) / SHUFFLES**0.5
    mean = float(aucs.mean())
    if mean - 0.5 <= max(BEYOND_CHANCE, ERRORS * error):
        return []
    return [LEARNED_FROM_NOTHING.filled(auc=mean)]


def _auc_alone(values: Floats, labels: Floats) -> float:
    """AUC of a feature in its better direction, with nulls first or last."""
    import numpy as np

    missing = np.isnan(values)
    ends = (-np.inf, np.inf) if missing.any() else (0.0,)
    aucs = [auc_of(np.where(missing, end, values), labels) for end in ends]
    return max((max(auc, 1 - auc) for auc in aucs if not np.isnan(auc)), default=0.0)


def _blank(matrix: Floats, places: Sequence[int]) -> Floats:
    import numpy as np

    blank = matrix.copy()
    blank[:, list(places)] = np.nan
    return blank
