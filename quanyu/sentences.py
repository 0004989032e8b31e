"""Sentences that are said in English and in Chinese."""

from __future__ import annotations


class Sentence(str):
    """A sentence in English, which knows the same in Chinese; of one that was never translated, the English one.

    A template has the fields of `str.format`, the same ones in both languages.
    """

    chinese: str

    def __new__(cls, english: str, chinese: str = "") -> Sentence:
        """Both languages of a sentence."""
        sentence = super().__new__(cls, english)
        sentence.chinese = chinese or english
        return sentence

    def filled(self, **values: object) -> Sentence:
        """Fill in the fields; a value that is a sentence itself is put into each language in its own."""
        chinese = {name: in_chinese(value) if isinstance(value, str) else value for name, value in values.items()}
        return Sentence(self.format(**values), self.chinese.format(**chinese))


def in_chinese(text: str) -> str:
    """A text in Chinese, if it is one that knows it; else as it is."""
    return text.chinese if isinstance(text, Sentence) else text
