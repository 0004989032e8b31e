"""WeCom: the guides' contacts and groups as its API reports them, and the delivery result of each message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose, digits, join, lists, objects, quoted, same, times, when
from sample.events.campaigns import PLANS, campaign_id, waves
from sample.events.contacts import contacts, is_contact
from sample.facts import DayFacts
from sample.trade.calendar import MALL
from sample.world import World
from sample.write import Out, document

CORPORATION = "ww5f2c8d1e7a9b3046"
WAYS = ("scan", "search", "share", "group")
TAGS = ("高意向", "爱穿搭", "家有萌娃", "喜欢折扣", "家居控", "老客", "已试穿", "送礼", "微胖", "通勤")
# Shares of all contacts that a guide tags on a day, and writes to on a day.
RETAGGED, WRITTEN_TO = 1 / 150, 1 / 50


def write_contacts(world: World, facts: DayFacts, out: Out) -> None:
    """Write the contacts added, deleted or tagged today; on the first day all contacts."""
    contact_days, day = contacts(world), facts.day
    contacts_so_far = np.flatnonzero(contact_days.added <= day)
    added, deleted = contact_days.added[contacts_so_far], contact_days.deleted[contacts_so_far]
    tagged = (uniform(world.seed, "retagged", contacts_so_far, day) < RETAGGED) & (deleted > day)
    persons = contacts_so_far[(added == day) | (deleted == day) | tagged | ((day == 0) & (deleted > 0))]
    if not len(persons):
        return
    keys = world.people.external_userid(persons)
    out.json("contacts.json", _document("contacts", _contacts(world, day, persons, keys), errcode=0), len(persons))
    out.records(keys, persons)
    deleted_rows = np.flatnonzero(contact_days.deleted[persons] == day)
    out.flaws("contacts.json", deleted_rows + 1, keys.take(pa.array(deleted_rows)), "deleted contact", "accepted")


def _document(name: str, entries: Any, **head: object) -> str:
    body = lists(entries, np.array([len(entries)]))[0].as_py()
    return f'{document(**head, corp_id=CORPORATION)[:-1]}, "{name}": {body}}}'


def _contacts(world: World, day: int, persons: Array, keys: Any) -> Any:
    people, contact_days, seed = world.people, contacts(world), world.seed
    is_deleted = contact_days.deleted[persons] <= day
    chance = [uniform(seed, f"contact {what}", persons) for what in ("name", "union", "remark", "second", "by", "way")]
    nick = when(chance[0] < 0.35, people.name(persons), people.nick(persons))
    bound = (chance[1] < 0.55) & (people.app[persons] | (people.channels[persons, MALL] > 0))
    guide = world.staff.guide(people.store[persons], people.slot[persons], day)
    added = times(contact_days.added[persons], 36_000 + chance[3] * 36_000, world.start)
    deleted = times(np.where(is_deleted, contact_days.deleted[persons], 0), 30_000 + chance[3] * 50_000, world.start)
    by = np.where(is_deleted, np.where(chance[4] < 0.8, 0, 1), 2)
    gender = np.where(chance[4] * 7 % 1 < 0.2, 0, np.where(people.sex[persons] == 1, 1, 2))
    return objects(
        {
            "external_userid": quoted(keys),
            "name": quoted(nick),
            "gender": digits(gender, 1),
            "unionid": quoted(when(bound, people.unionid(persons), None)),
            "userid": quoted(world.staff.wecom.take(pa.array(guide))),
            "added_at": quoted(added),
            "add_way": quoted(choose(WAYS, pick((0.6, 0.1, 0.18, 0.12), chance[5]))),
            "tags": _tags(seed, persons, day),
            "remark_mobile": quoted(when(chance[2] < 0.35, people.phone(persons, day), "")),
            "deleted_at": quoted(when(is_deleted, deleted, None)),
            "deleted_by": quoted(choose(("customer", "staff", ""), by)),
        }
    )


def _tags(seed: int, persons: Array, day: int) -> Any:
    many = (uniform(seed, "tags", persons, day // 60) * 4).astype(np.int64)
    first = np.repeat((uniform(seed, "first tag", persons) * 10).astype(np.int64), many)
    place = place_within(many)
    return lists(quoted(choose(TAGS, (first + place * 3) % len(TAGS))), many)


def write_groups(world: World, facts: DayFacts, out: Out) -> None:
    """Write who joined or left a group today; on the first day all group members."""
    contact_days, day, people = contacts(world), facts.day, world.people
    now = (
        (contact_days.grouped == day)
        | (contact_days.quit == day)
        | ((day == 0) & (contact_days.grouped < 0) & (contact_days.quit > 0))
    )
    persons = np.flatnonzero(now & (contact_days.grouped <= day))
    if not len(persons):
        return
    store, second = people.store[persons], 36_000 + uniform(world.seed, "group hour", persons) * 40_000
    number = people.slot[persons] % 2 + 1
    left = contact_days.quit[persons] <= day
    owner = world.staff.guide(store, np.zeros(len(persons), np.int64), day)
    keys = people.external_userid(persons)
    chats = join("wr", digits(store.astype(np.int64) * 10 + number, 6), "Qy8")
    names = join(world.stores.name.take(pa.array(store)), "福利", digits(number, 1), "群")
    columns = {
        "chat_id": quoted(chats),
        "chat_name": quoted(names),
        "owner": quoted(world.staff.wecom.take(pa.array(owner))),
        "external_userid": quoted(keys),
        "joined_at": quoted(times(contact_days.grouped[persons], second, world.start)),
        "quit_at": quoted(
            when(left, times(np.where(left, contact_days.quit[persons], 0), second + 900, world.start), None)
        ),
    }
    out.json("groups.json", _document("groups", objects(columns)), len(persons))
    out.records(keys, persons)


def write_messages(world: World, facts: DayFacts, out: Out) -> None:
    """Write the results of the day's messages from guides, and of a campaign's if one was sent through them."""
    contact_days, day, people = contacts(world), facts.day, world.people
    ever = np.flatnonzero(contact_days.added < day)
    chosen = ever[uniform(world.seed, "written to", ever, day) < WRITTEN_TO]
    campaign, recipients = _campaign(world, day)
    persons = np.concatenate([chosen, recipients])
    if not len(persons):
        return
    chance = uniform(world.seed, "message fate", persons, day)
    friend = is_contact(world, persons, day)
    fate = np.where(friend, pick((0.95, 0.0, 0.035, 0.015), chance), 1)
    read = (fate == 0) & (uniform(world.seed, "message read", persons, day) < 0.35 + 0.5 * people.reach[persons])
    guide = world.staff.guide(people.store[persons], people.slot[persons], day)
    keys, number = people.external_userid(persons), np.arange(len(persons))
    second = 36_000 + uniform(world.seed, "message hour", persons, day) * 36_000
    columns = {
        "msgid": quoted(join("msg", digits(np.full(len(persons), day), 5), digits(number, 7))),
        "campaign": when(number < len(chosen), "null", join('"', campaign, same('"', len(persons)))),
        "external_userid": quoted(keys),
        "sender": quoted(world.staff.wecom.take(pa.array(guide))),
        "sent_at": quoted(times(np.full(len(persons), day), second, world.start)),
        "status": quoted(choose(("sent", "not_friend", "limit_reached", "failed"), fate)),
        "read": when(read, "true", "false"),
    }
    out.jsonl("results.jsonl", objects(columns))
    out.records(keys, persons)


def _campaign(world: World, day: int) -> tuple[str, Array]:
    last = [wave for wave in waves(world) if wave.day == day and PLANS[wave.number % len(PLANS)].channel == "wecom"]
    return (campaign_id(last[0].number), last[0].persons[last[0].treated]) if last else ("", np.zeros(0, np.int64))
