"""The feeds in the order they are written. Each has a landing folder and a function that writes a day's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sample.facts import DayFacts
from sample.feeds.dealers import outlets, shelves
from sample.feeds.digital import ads, campaigns, consents, events, wecom
from sample.feeds.retail import attributes, crm, erp, market, pos, shop, stop_list, store_visits, tickets
from sample.feeds.service import activities, chats, complaints, reviews
from sample.world import World
from sample.write import Out

Write = Callable[[World, DayFacts, Out], None]

FEEDS: Mapping[str, Write] = {
    "erp_products": erp.products,
    "erp_stores": erp.stores,
    "erp_staff": erp.staff,
    "erp_prices": erp.prices,
    "erp_stock": erp.stock,
    "erp_purchases": erp.purchases,
    "erp_production": erp.production,
    "pos": pos.write,
    "shop": shop.write,
    "market": market.write,
    "crm": crm.write,
    "events": events.write,
    "consents": consents.write,
    "stop_list": stop_list.write,
    "wecom_contacts": wecom.write_contacts,
    "wecom_groups": wecom.write_groups,
    "wecom_messages": wecom.write_messages,
    "store_visits": store_visits.write,
    "outlets": outlets.write_outlets,
    "sell_in": outlets.write_sell_in,
    "shelf_checks": shelves.write_checks,
    "scans": shelves.write_scans,
    "rival_sales": outlets.write_rivals,
    "campaigns": campaigns.write_campaigns,
    "assignments": campaigns.write_assignments,
    "sends": campaigns.write_sends,
    "ad_results": ads.write,
    "reviews": reviews.write,
    "service_chats": chats.write,
    "complaints": complaints.write,
    "activities": activities.write_activities,
    "activity_people": activities.write_people,
    "tickets": tickets.write,
    "attributes_second": attributes.write_second,
    "attributes_third": attributes.write_third,
}
