"""Categories of sensitive facts about persons, by which platforms say what no audience may be made of."""

from __future__ import annotations

from typing import Literal

Category = Literal[
    "biometrics", "crime", "ethnicity", "financial_accounts", "financial_status", "gender_identity", "hardship",
    "health", "minors", "politics", "religion", "sexual_orientation", "special_identity", "trade_union", "whereabouts",
]  # fmt: skip
CATEGORIES: dict[Category, str] = {
    "biometrics": "face, voice, fingerprint",
    "crime": "accusations, convictions, being a victim",
    "ethnicity": "race or ethnic origin",
    "financial_accounts": "accounts and cards of banks, and what is on them",
    "financial_status": "income, wealth, credit standing",
    "gender_identity": "being transgender",
    "hardship": "debt, bankruptcy, divorce, bereavement",
    "health": "illness, disability, pregnancy, medicine, therapy",
    "minors": "who is below age, or has children",
    "politics": "party, vote, opinion",
    "religion": "belief",
    "sexual_orientation": "orientation and sexual life",
    "special_identity": "an identity that the law protects (特定身份)",
    "trade_union": "membership of a union",
    "whereabouts": "where a person is or was, move by move (行踪轨迹)",
}
# 个人信息保护法 第二十八条: what is sensitive, and needs a purpose of its own and the consent to just that.
SENSITIVE_BY_LAW_OF_CHINA: tuple[Category, ...] = (
    "biometrics", "religion", "special_identity", "health", "financial_accounts", "whereabouts", "minors",
)  # fmt: skip
