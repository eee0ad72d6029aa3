"""Two services of the lab that really run, and those who change them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.lab.change_maker import ChangeMaker
from evals.lab.processes import Shop
from evals.lab.source_tree import SourceTree


@dataclass
class RunningShop:
    """``told`` are the events that the product would be sent; ``folder`` is where the services look for flags."""

    shop: Shop
    tree: SourceTree
    maker: ChangeMaker
    folder: Path
    told: list[dict[str, Any]]

    def version(self) -> str:
        """What inventory runs."""
        release = self.shop.release_of("inventory")
        return release.version if release else ""
