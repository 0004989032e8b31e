"""Match scores: names, dates, places and mail in levels, blocks, unsupervised training, and households."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import persons
from benchmarks.pairs import pair_scores
from examples import examples
from jobs.unify.matching import blocks, fields, households, scoring, training
from jobs.unify.matching.comparison import BLOCK_FIELDS, COLUMNS, COMPARISONS, FIELDS, PLACES, TERMS
from jobs.unify.matching.levels import coded, compare_pairs
from jobs.unify.matching.model import read
from jobs.unify.matching.scoring import PreparedRecords, packed, unpacked
from quanyu.grammar.identity import Block, Identity
from quanyu.identifiers import normalise

ROOT = Path(__file__).parents[3]
MATCH = Identity.load(ROOT / "conf" / "identity.yml").match
BLOCKS, MOST = [list(block.same) for block in MATCH.blocks], [block.most for block in MATCH.blocks]
SALT = "0123456789abcdef"


def prepared(*rows):
    return fields.prepare_fields(pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(object))


def table(frame):
    codes = {f"{kind}_code": fields.hashed(frame[kind], SALT) for kind in ("email", "phone")}
    texts = {name: pa.array(frame[name], pa.string()) for name in FIELDS}
    return pa.table({"person": np.arange(len(frame)), **codes, **texts})


def levels(one, other):
    """Comparison levels of two records, each a mapping of COLUMNS."""
    rows = [{name: record.get(name) for name in COLUMNS} for record in (one, other)]
    comparison = compare_pairs(
        coded(table(fields.prepare_fields(pd.DataFrame(rows).astype(object)))), np.array([0]), np.array([1])
    )
    return dict(zip(PLACES, comparison.levels[0].tolist(), strict=True))


def named(text):
    return {"display_name": text}


@pytest.mark.parametrize(
    ("one", "other", "given_level", "family_level"),
    [
        (named("王小明"), named("王小明"), 4, 4),
        (named("王小明"), named("王晓明"), 3, 4),
        (named("王小明"), {"given_name": "小明", "family_name": "王"}, 4, 4),
        (named("王小明"), named("Wang Xiaoming"), 3, 3),
        (named("王小明"), named("Xiaoming Wang"), 3, 3),
        (named("王小明"), named("王建国"), 1, 4),
        (named("歐陽娜娜"), named("欧阳娜娜"), 4, 4),
        (named("John Smith"), named("Smith John"), 4, 4),
        (named("John Smith"), named("Jon Smith"), 3, 4),
        (named("John Smith"), {"given_name": "J", "family_name": "Smith"}, 2, 4),
        (named("John Smith"), named("Mary Smith"), 1, 4),
        (named("John Smith"), {}, 0, 0),
    ],
)
def test_names(one, other, given_level, family_level):
    actual = levels(one, other)
    assert (actual["given"], actual["family"]) == (given_level, family_level)


def of_relatives(one, other):
    """Whether two records, each a mapping of COLUMNS, have names of two persons, under the untrained model."""
    rows = [{name: record.get(name) for name in COLUMNS} for record in (one, other)]
    scored = PreparedRecords(
        table(fields.prepare_fields(pd.DataFrame(rows).astype(object))), replace(training.assumed(SALT), floor=-99)
    )
    return bool(scoring.are_relatives(scored.scored(np.array([0]), np.array([1]))["levels"].to_numpy())[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("张小明", "张小亮"), ("周明", "周敏"), ("김민준", "김민서"), ("राम वर्मा", "रमा वर्मा"),
        ("Michael Smith", "Michelle Smith"),
        ("Anna Li", "Mary Li"), ("Suharto", "Megawati"), ("杨林", "林杨"), ("芳王", "王芳"),
    ],
)  # fmt: skip
def test_twins_and_relatives_are_at_most_for_review(one, other):
    home = {"birthday": "1992-05-06", "phone": "+8613765432101", "address": "平江路 5 号", "city": "苏州"}
    assert of_relatives(named(one) | home, named(other) | home)
    assert not of_relatives(named(one) | {"national_id": "1"}, named(other) | {"national_id": "1"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王小明", "王小明"), ("王小明", "王晓明"), ("王小明", "王明"), ("王小明", "王明小"),
        ("王小明", "Wang Xiaoming"),
        ("John Smith", "J Smith"), ("John Smith", "Jon Smith"), ("John Smith", "Smith John"), ("John Smith", "John"),
    ],
)  # fmt: skip
def test_variants_and_typos_of_one_name_may_be_linked(one, other):
    assert not of_relatives(named(one), named(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("李雨欣", "李雨馨"),
        ("陈佳", "陈嘉"),
        ("Anna Li", "Anne Li"),
        ("Leon Meyer", "Leo Meyer"),
        ("Kim Minjun", "Kim Minjung"),
    ],
)
def test_similar_names_with_different_phones_are_at_most_for_review(one, other):
    home = {"birthday": "1992-05-06", "address": "平江路 5 号", "city": "苏州"}
    own = [{"phone": "+8613765432101"}, {"phone": "+8613912345678"}]
    assert of_relatives(named(one) | home | own[0], named(other) | home | own[1])
    assert not of_relatives(named(one) | home | own[0], named(other) | home | own[0])
    assert not of_relatives(named(one) | home | own[0], named(one) | home | own[1])


def test_father_and_son_of_one_name_are_at_most_for_review():
    contacts = [
        {"birthday": day, "phone": phone}
        for day, phone in (("1960-03-04", "+8613765432101"), ("1988-11-23", "+8613912345678"))
    ]
    assert of_relatives(*(named("Robert Brown") | {"address": "12 High St", "city": "York"} | one for one in contacts))


def test_nearly_the_same_names_of_two_sexes_are_two_persons():
    assert of_relatives(named("Daniela Li") | {"gender": "female"}, named("Daniel Li") | {"gender": "male"})


WORDS = st.sampled_from(["li", "xi", "lixi", "wang", "wei", None])


@examples(60)
@given(WORDS, WORDS, WORDS, WORDS)
def test_levels_are_symmetric(given_name, family, other_given, other_family):
    one = {"given_name": given_name, "family_name": family}
    other = {"given_name": other_given, "family_name": other_family}
    assert levels(one, other) == levels(other, one)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1990-03-04", "19900304", 6), ("1990-03-04", "1990-04-03", 5), ("1990-03-04", "1990-03-05", 5),
        ("1990-03-04", "1990-03-15", 4), ("1990-03-04", "1990-11-27", 3), ("1990-03-04", "1995-11-27", 2),
        ("1990-03-04", "1961-11-27", 1), ("1990-03-04", "1900-01-01", 0), ("1990-03-04", None, 0),
    ],
)  # fmt: skip
def test_dates_with_typos_and_swaps(one, other, level):
    assert levels({"birthday": one}, {"birthday": other})["birthday"] == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ({"address": "人民路12号301室", "city": "上海市"}, {"address": "人民路12号楼301", "city": "上海"}, 8),
        ({"address": "人民路12号", "city": "上海"}, {"address": "人放路12号", "city": "上海"}, 2),
        ({"address": "12 Harbour Road", "postcode": "2000"}, {"address": "12 Harbor Road", "postcode": "2000"}, 8),
        ({"address": "12 Harbour Road"}, {"address": "98 Harbour Road"}, 6),
        ({"postcode": "TQ13 8DF"}, {"postcode": "tq138hu"}, 3),
        ({"postcode": "200001"}, {"postcode": "200044"}, 3),
        ({"postcode": "200001"}, {"postcode": "201144"}, 1),
        ({"city": "上海"}, {"city": "北京"}, 1),
        ({"city": "上海"}, {"address": "人民路12号"}, 0),
    ],
)
def test_places(one, other, level):
    assert levels(one, other)["place"] == level


def test_another_number_behind_a_name_is_another_address():
    def email_level(one, other):
        return levels({"email": one}, {"email": other})["email"]

    assert email_level("li.wei12@mail.example", "li.wie12@mail.example") == 4
    assert email_level("li.wei12@mail.example", "li.wei79@mail.example") < 4


def test_a_masked_phone_is_compared_by_its_visible_digits():
    assert levels({"phone": "+8613765432101"}, {"phone_masked": "137****2101"})["phone_mask"] == 2
    assert levels({"phone": "+8613765432101"}, {"phone_masked": "137****2102"})["phone_mask"] == 1
    assert levels({"phone": "+8613765432101"}, {"phone": "+8613765432101"})["phone_mask"] == 0


@given(st.lists(st.sampled_from(range(9)), min_size=len(PLACES), max_size=len(PLACES)))
def test_levels_are_packed_and_unpacked(some):
    assert list(unpacked(int(packed(np.array([some]))[0])).values()) == some


@examples(60)
@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=2, max_size=12), st.data())
def test_candidates_are_all_pairs_of_a_block_that_is_not_too_large(keys, data):
    keys = np.array(keys, np.int64)
    touched = np.array(data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys))))
    groups = blocks.grouped(keys)
    a, b, _ = blocks.candidates(groups, [3, 4], touched)
    expected = set()
    for place, most in enumerate([3, 4]):
        for value in set(keys[:, place].tolist()) - {0}:
            inside = [i for i in range(len(keys)) if keys[i, place] == value]
            if len(inside) <= most:
                expected |= {(i, j) for i in inside for j in inside if i < j and (touched[i] or touched[j])}
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == expected
    mask = blocks.block_bits(groups, [3, 4], len(keys))
    left, right = np.triu_indices(len(keys), 1)
    shared = blocks.in_shared_block((left, right, np.arange(len(left))), keys, mask)
    everybody = blocks.candidates(groups, [3, 4], np.ones(len(keys), bool))
    assert set(zip(shared[0].tolist(), shared[1].tolist(), strict=True)) == set(
        zip(everybody[0].tolist(), everybody[1].tolist(), strict=True)
    )


def test_block_limits_shrink_evenly_to_the_limit_of_pairs():
    keys = np.zeros((200_000, 2), np.int64)
    keys[:, 0] = np.arange(200_000) // 40 + 1
    keys[:120_000, 1] = np.arange(120_000) // 6 + 1
    groups = blocks.grouped(keys)
    assert blocks.limits(groups, [50, 20], 100.0, 200_000) == [50, 20]
    # Blocks of forty have 19.5 pairs per record, those of six 2.5 for three records in five.
    assert blocks.limits(groups, [50, 20], 21.1, 200_000) == [50, 20]
    assert blocks.limits(groups, [50, 20], 20.0, 200_000) == [37, 15]
    assert blocks.limits(groups, [50, 20], 0.1, 200_000) == [12, 5]
    # For few records, the limit of pairs does not apply.
    assert blocks.limits(blocks.grouped(keys[:1000]), [50, 20], 1.0, 1000) == [50, 20]


def test_a_couple_at_one_address_is_two_persons_and_a_mover_is_one():
    home = {"city": "上海", "address": "人民路12号301室", "postcode": "200001"}
    wang, wife = {"display_name": "王小明", "birthday": "1990-03-04"}, {"display_name": "王建芳", "gender": "female"}
    rows = [wang | home, wife | home, wang | {"city": "北京", "address": "学院路5号"}]
    frame = fields.prepare_fields(pd.DataFrame([{n: r.get(n) for n in COLUMNS} for r in rows]).astype(object))
    model = training.assumed(SALT)
    scored = PreparedRecords(table(frame), model).scored(np.array([0, 0]), np.array([1, 2])).to_pydict()
    weights = dict(zip(zip(scored["a"], scored["b"], strict=True), scored["weight"], strict=True))
    assert weights[0, 2] > weights.get((0, 1), -99) + 5


def test_the_total_weight_is_below_those_against_strangers_and_households():
    strangers, family = np.array([20.0, 20.0, 5.0]), np.array([20.0, -3.0, 9.0])
    weights = households.combined_weights(strangers, family, 1e-4)
    oracle = [-np.log2((1 - 1e-4) * 2.0**-s + 1e-4 * 2.0**-f) for s, f in zip(strangers, family, strict=True)]
    assert np.allclose(weights, oracle)
    assert (weights <= strangers + 1e-3).all()


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.name)
def test_the_probabilities_of_a_comparison_add_up_to_one(comparison):
    classes = [comparison.m, comparison.u, comparison.household or comparison.m]
    assert np.allclose([sum(shares) for shares in classes], 1)
    assert [len(shares) for shares in classes] == [comparison.highest] * 3
    assert len(comparison.words) == comparison.highest + 1


def test_every_field_that_a_block_may_name_gives_keys():
    rows = {"display_name": "王小明", "birthday": "1990-03-04", "gender": "male", "city": "上海", "region": "上海",
            "postcode": "200001", "address": "人民路12号301室", "email": "wang@mail.example",
            "phone": "+8613765432101", "national_id": "310101199003041234"}  # fmt: skip
    frame = fields.prepare_fields(pd.DataFrame([{name: rows.get(name) for name in COLUMNS}]).astype(object))
    assert (fields.keys(frame, [[name] for name in BLOCK_FIELDS], SALT) != 0).all()


def test_a_block_by_an_unknown_field_is_named_with_the_nearest():
    match = MATCH.model_copy(update={"blocks": (Block(same=("given", "birth_yaer")),)})
    identity = Identity.load(ROOT / "conf" / "identity.yml").model_copy(update={"match": match, "blocked": {}})
    [problem] = identity.problems({}, BLOCK_FIELDS).found
    assert "unknown field 'birth_yaer'" in problem.message and "birth_year" in problem.message


@pytest.fixture(scope="module")
def labelled_records(tmp_path_factory):
    """Three thousand generated records, prepared, and their true persons."""
    folder = tmp_path_factory.mktemp("made")
    persons.write(folder, 3000)
    rows = pd.read_csv(folder / "2025-01-01" / "persons.csv", dtype=str, keep_default_na=False).replace("", None)
    raw = rows.rename(columns={"full_name": "display_name"}).reindex(columns=list(COLUMNS)).astype(object)
    raw = raw.where(raw.notna(), None)
    for kind in ("email", "phone"):
        raw[kind] = raw[kind].map(lambda text, kind=kind: normalise.normalise(kind, text, "CN"))
    truth = pd.read_parquet(folder / "truth.parquet").set_index("record_no")["person"]
    return fields.prepare_fields(raw), truth.reindex(rows["record_no"]).to_numpy()


def test_unsupervised_training_gives_calibrated_probabilities(labelled_records):
    """Of the pairs with some predicted probability, about that share is one person. No threshold uses the truth."""
    prepared, truth = labelled_records
    keys = fields.keys(prepared, BLOCKS, SALT)
    a, b, bits = blocks.candidates(blocks.grouped(keys), MOST, np.ones(len(keys), bool))
    model = training.train(coded(table(prepared)), (a, b, bits), BLOCKS, SALT)
    scored = PreparedRecords(table(prepared), model).scored(a, b)
    one, other, weight = (scored.column(place).to_numpy() for place in (0, 1, 3))
    sure = training.probability(weight, training.prior(weight, len(keys)))
    same = truth[one] == truth[other]
    for low, high in ((0.0, 0.2), (0.9, 0.99), (0.99, 1.0)):
        some = (sure > low) & (sure <= high)
        assert abs(same[some].mean() - sure[some].mean()) < 0.08, (low, high)
    precision = same[sure >= MATCH.link].mean()
    assert precision > 0.97
    reloaded = read(model.text(), {term: model.terms[term] for term in TERMS}, training.assumed(SALT))
    assert np.allclose(PreparedRecords(table(prepared), reloaded).scored(a, b).column(3).to_numpy(), weight, atol=1e-3)


def test_an_old_version_without_a_newer_comparison_stays_usable():
    model = training.assumed(SALT)
    text = model.text().replace('"phone_mask"', '"forgotten"')
    assert np.array_equal(read(text, model.terms, model).m["phone_mask"], model.m["phone_mask"])


def test_nothing_is_tuned_to_a_public_set():
    """One configuration for all: a set declares its columns and its region, and no code mentions any set."""
    sets = ROOT / "benchmarks" / "sets"
    for folder in sets.iterdir():
        assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yml")) == [
            "base.yml", "sources/persons.yml",
        ]  # fmt: skip
        assert set(yaml.safe_load((folder / "base.yml").read_text())) <= {"zone", "region", "currency"}
    rules = [ROOT / "conf" / "identity.yml", ROOT / "quanyu" / "grammar" / "identity.py"]
    code = [*(ROOT / "jobs" / "unify").rglob("*.py"), *rules]
    for path in code:
        text = path.read_text(encoding="utf-8").lower()
        assert not [word for word in ("febrl", "fake_1000", "soc_sec", "rec-") if word in text], path


def test_pair_scores_equal_counting_all_pairs():
    truth, predicted = np.array([1, 1, 1, 2, 2, 3]), np.array([7, 7, 8, 8, 9, 9])
    pairs = [(i, j) for i in range(6) for j in range(i)]
    shared_pairs = sum(truth[i] == truth[j] and predicted[i] == predicted[j] for i, j in pairs)
    predicted_pairs, true_pairs = (sum(some[i] == some[j] for i, j in pairs) for some in (predicted, truth))
    assert pair_scores(truth, predicted)[:2] == (shared_pairs / predicted_pairs, shared_pairs / true_pairs)
