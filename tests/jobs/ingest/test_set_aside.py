"""Each run reports entries in a feed's folders that are no files; they do not stop other files."""

import os

FEED = """
describes: Prices.
owner: retail
reads: {path: "tills/{day}/*.csv", format: csv}
delivers: events
freshness: none
fills:
  prices: {sku: item, channel: "'store'", holds_from: at, price: amount}
"""


def test_it_is_reported_and_the_file_beside_it_is_ingested(retailer):
    retailer.declare("sources/tills.yml", FEED)
    retailer.land("tills/2024-01-01/a.csv", "item,at,amount\na,2024-01-01,1.00\n")
    day = retailer.home / "landing" / "tills" / "2024-01-01"
    (day / "b.csv").mkdir()
    os.mkfifo(day / "c.csv")
    outcome = retailer.ingest("tills", "2024-01-01")
    assert outcome.rows_in == 1
    assert outcome.notes[:2] == (
        "tills/2024-01-01/b.csv was not ingested: a folder",
        "tills/2024-01-01/c.csv was not ingested: a pipe, a socket or a device",
    )


def test_a_step_without_new_files_reports_new_entries_of_the_folder(retailer):
    retailer.declare("sources/tills.yml", FEED)
    retailer.land("tills/2024-01-01/a.csv", "item,at,amount\na,2024-01-01,1.00\n")
    retailer.ingest("tills", "2024-01-01")
    (retailer.home / "landing" / "tills" / "2024-01-01" / "d.csv").symlink_to("/etc/passwd")
    assert "d.csv was not ingested: a link out of" in retailer.ingest("tills", "2024-01-01").notes[0]
