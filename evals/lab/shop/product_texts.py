"""The catalog's store: twenty thousand products with their texts and reviews."""

import random
from collections.abc import Iterator
from pathlib import Path

from .store import Row, Session, fill_once

PRODUCTS = 20_000
_FAMILIES = 500
_WORDS = (
    "oak linen steel copper wool glass bright plain small large round folding garden kitchen travel winter summer "
    "lamp table bowl chair blanket kettle shelf basket mirror bench rug vase clock stool tray jar washed turned "
    "brushed woven carved painted stacked hanging standing quiet sturdy light heavy soft warm cool classic"
).split()
_SCHEMA = """
CREATE TABLE product (sku INTEGER NOT NULL, family TEXT NOT NULL, title TEXT, description TEXT, popularity INTEGER);
CREATE TABLE review (sku INTEGER NOT NULL, stars INTEGER NOT NULL);
CREATE UNIQUE INDEX product_sku ON product (sku);
CREATE INDEX product_family ON product (family, popularity);
CREATE INDEX review_sku ON review (sku);
"""


Product = dict[str, object]


def create(path: Path) -> None:
    """Create the store where there is none."""
    rng = random.Random(20_000)
    tables = {
        "INSERT INTO product VALUES (?, ?, ?, ?, ?)": (_row(sku, rng) for sku in range(PRODUCTS)),
        "INSERT INTO review VALUES (?, ?)": _reviews(rng),
    }
    fill_once(path, _SCHEMA, tables)


def read(session: Session, sku: int) -> Product | None:
    """One product put together for its page: from its row, its reviews and what stands around it."""
    rows = session.execute("SELECT family, title, description FROM product WHERE sku = ?", (sku,))
    if not rows:
        return None
    stars = session.execute("SELECT stars FROM review WHERE sku = ?", (sku,))
    family = session.execute("SELECT COUNT(*) FROM product WHERE family = ?", (rows[0][0],))
    shelf = session.execute("SELECT AVG(stars) FROM review WHERE sku BETWEEN ? AND ?", (sku - 20, sku + 20))
    return _put_together(rows[0], [int(star) for (star,) in stars], int(family[0][0]), float(shelf[0][0]))


def read_first(session: Session, count: int) -> dict[int, Product]:
    """The products with the lowest ``count`` skus, by sku, in a few statements for all of them."""
    rows = session.execute("SELECT family, title, description FROM product WHERE sku < ? ORDER BY sku", (count,))
    reviews = session.execute("SELECT sku, stars FROM review WHERE sku < ?", (count + 20,))
    sizes = {
        family: int(size) for family, size in session.execute("SELECT family, COUNT(*) FROM product GROUP BY family")
    }
    stars = [[int(star) for reviewed, star in reviews if reviewed == sku] for sku in range(count + 20)]
    shelves = [[star for near in stars[max(sku - 20, 0) : sku + 21] for star in near] for sku in range(count)]
    return {
        sku: _put_together(row, stars[sku], sizes[row[0]], sum(shelves[sku]) / len(shelves[sku]))
        for sku, row in enumerate(rows)
    }


def _put_together(row: Row, stars: list[int], family_size: int, shelf_stars: float) -> Product:
    family, title, description = row
    context = f"One of {family_size} in {family}, on a shelf with {shelf_stars:.1f} stars."
    html = f"<h2>{title}</h2><p>{description}</p><p>{context}</p>"
    return {"family": family, "title": title, "html": html, "stars": stars}


def read_related(session: Session, family: str) -> list[str]:
    """Titles of the most popular goods of a family."""
    rows = session.execute(
        "SELECT title FROM product WHERE family = ? ORDER BY popularity DESC LIMIT 8",
        (family,),
    )
    return [str(title) for (title,) in rows]


def _row(sku: int, rng: random.Random) -> Row:
    title = " ".join(rng.sample(_WORDS, 3)).capitalize()
    family = f"family {sku % _FAMILIES}"
    description = f"{title}, of {family}. " + " ".join(rng.choices(_WORDS, k=90))
    return sku, family, title, description, rng.randrange(10_000)


def _reviews(rng: random.Random) -> Iterator[Row]:
    for sku in range(PRODUCTS):
        if sku % 4:  # every fourth product is new
            yield from ((sku, rng.randint(2, 5)) for _ in range(2))
