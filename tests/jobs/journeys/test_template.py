import pytest

from jobs.journeys.sending.template import Template, Text, safe_name
from quanyu.errors import ConfigError, RejectedError


def test_values_are_filled_in_and_escaped_in_html_only():
    template = Template("t", "Hi {{ shop }}", "Dear {{ shop }},\n{{ n }} items\n", html="<p>{{ shop }}</p>")
    assert template.fill({"shop": "A & <b>", "n": 2}) == Text(
        "Hi A & <b>", "Dear A & <b>,\n2 items\n", "<p>A &amp; &lt;b&gt;</p>"
    )
    assert template.names() == {"shop", "n"}


@pytest.mark.parametrize(
    "name",
    ["Ann", "王·芳", "O'Neil", "Anne-Marie", "J. R. Smith", "J.R. Smith", "Søren", "अनिता", "مريم", "n\u0303andu",
     "阿卜杜拉·买买提"],
)  # fmt: skip
def test_a_name_of_letters_is_unchanged(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", None, "<b>Ann</b>", "[/]", "{{ 7 * 7 }}", "=1+1", "@ann", "www.evil.com", "evil.com", "t.co", "http://t.co",
     "Ann\x1b[2J", "\u202ennA", "a\u200bb", "=?utf-8?B?eA==?=", "Ann, call 0900", "😀", "-", "x" * 41, "a_b", "A;B"],
)  # fmt: skip
def test_a_text_that_is_not_a_name_counts_as_unknown(name):
    assert safe_name(name) == ""


def test_personal_values_are_a_safe_name_or_empty():
    text = Template("t", "Hi {{ name or 'friend' }}", "{{ city }}").fill({"name": "win.at/x", "city": "=cmd()"})
    assert (text.subject, text.body) == ("Hi friend", "")


def test_a_subject_may_hold_no_encoded_word():
    with pytest.raises(ConfigError, match=r"t.subject: '=\?' begins an encoded word"):
        Template("t", "=?utf-8?B?eA==?=", "b")


@pytest.mark.parametrize("value", ["x\r\nBcc: all@example.com", "x\n\nbody", " x "])
def test_a_subject_is_always_one_line(value):
    subject = Template("t", "Hi {{ shop }}", "b").fill({"shop": value}).subject
    assert subject.splitlines() == [subject]


@pytest.mark.parametrize(
    ("subject", "body", "message"),
    [("{{ x", "ok", "t.subject"), ("ok", "a\n{% if %}", "t.body: line 2"), ("ok", "x" * 100_001, "at most 100000")],
)
def test_a_text_that_cannot_be_read_is_a_config_error(subject, body, message):
    with pytest.raises(ConfigError, match=message):
        Template("t", subject, body)


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(ConfigError) as error:
        Template("t", "{{ x", "{% if %}", file="conf/journeys/winback.yml")
    assert len(error.value.problems) == 2
    assert str(error.value).count("conf/journeys/winback.yml") == 2


@pytest.mark.parametrize(
    "body",
    [
        "{{ nobody }}",
        "{{ customer.nothing }}",
        "{{ 1 / 0 }}",
        "{{ 'a' * 999999999 }}",
        "{{ 9 ** 999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__init__.__globals__ }}",
        "{{ items.append(1) }}",
        "{% for a in range(1000) %}{% for b in range(1000) %}xxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ range(9999999) | list }}",
        "{{ none + 1 }}",
    ],
)
def test_a_template_that_cannot_be_filled_in_is_rejected(body):
    with pytest.raises(RejectedError, match="template t"):
        Template("t", "s", body).fill({"customer": {"name": "Ann"}, "items": [1]})


def test_the_error_does_not_repeat_a_customers_value():
    with pytest.raises(RejectedError) as error:
        Template("t", "s", "{{ customer.name | int(base=99) }}{{ customer.name + 1 }}").fill(
            {"customer": {"name": "Ann Private"}}
        )
    assert "Private" not in str(error.value)


def test_an_empty_subject_is_rejected():
    with pytest.raises(RejectedError, match="empty"):
        Template("t", "{{ x }}", "b").fill({"x": ""})
