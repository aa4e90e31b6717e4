"""Who crossed, by polars: lazily, from the Parquet files the others had as well."""

import sys
from functools import partial
from pathlib import Path

import polars as pl

from bench.crossed import THRESHOLDS, Crossed, tell

OPENS, CLICKS = THRESHOLDS


def crossings(folder: Path) -> Crossed:
    events = pl.scan_parquet(folder / "events.parquet")
    holders = pl.scan_parquet(folder / "holdings.parquet").select("contact_id", "email")
    joined = events.select("campaign", "email", "kind", "sweep", "times").join(holders, on="email")
    mails = (
        joined.filter(pl.col("kind") == "open")
        .group_by("contact_id", "campaign")
        .agg(pl.col("sweep").min())
    )
    warm = (
        mails.group_by("contact_id")
        .agg(pl.col("sweep").sort())
        .filter(pl.col("sweep").list.len() >= OPENS)
        .select(pl.lit("warm"), "contact_id", pl.col("sweep").list.get(OPENS - 1))
    )
    clicks = (
        joined.filter(pl.col("kind") == "click")
        .group_by("contact_id", "sweep")
        .agg(pl.col("times").sum())
        .sort("contact_id", "sweep")
        .with_columns(so_far=pl.col("times").cum_sum().over("contact_id"))
    )
    hot = (
        clicks.filter(pl.col("so_far") >= CLICKS)
        .group_by("contact_id")
        .agg(pl.col("sweep").min())
        .select(pl.lit("hot"), "contact_id", "sweep")
    )
    return sorted(warm.collect().rows() + hot.collect().rows())


if __name__ == "__main__":
    tell(partial(crossings, Path(sys.argv[1])))
