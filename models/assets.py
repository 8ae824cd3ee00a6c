"""Outside files that we may not ship: where they are looked for, and what to do when one is not there.

    python -m models.assets list
    python -m models.assets fetch NAME

`assets.yaml` at the top of the checkout names each file, its maker and its licence.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from models.errors import MissingAsset, UserError

REGISTRY = Path(__file__).parents[1] / "assets.yaml"


@dataclass(frozen=True)
class Asset:
    """One entry of `assets.yaml`; `sha256` may be a prefix of the hash, empty when it is not known."""

    name: str
    file: str
    what: str
    maker: str
    licence: str
    url: str = ""
    sha256: str = ""
    remedy: str = ""

    @property
    def path(self) -> Path:
        """Where the file is expected: below $FIGUREHEAD_ASSETS, default ~/.cache/figurehead."""
        return Path(os.environ.get("FIGUREHEAD_ASSETS", "~/.cache/figurehead")).expanduser() / self.file


def registry() -> dict[str, Asset]:
    """All known assets by name."""
    import yaml

    return {name: Asset(name, **entry) for name, entry in yaml.safe_load(REGISTRY.read_text()).items()}


def find(name: str) -> Path:
    """The path of asset `name`, its hash checked.

    Raises:
        MissingAsset: the file is not there; says who made it, under which licence, and the command or page to get it.
        UserError: no such asset, or the file's hash is not the published one (truncated, or another file).
    """
    assets = registry()
    if name not in assets:
        raise UserError(f"no asset is called {name}; known: {', '.join(assets)}")
    asset = assets[name]
    if not asset.path.exists():
        remedy = asset.remedy or f"get it with: python -m models.assets fetch {name}"
        raise MissingAsset(name, str(asset.path), asset.licence, remedy)
    if asset.sha256 and asset.path.is_file():
        found = sha256(asset.path)
        if not found.startswith(asset.sha256):
            size = asset.path.stat().st_size
            raise UserError(
                f"{asset.path} ({size} bytes) is not {name}: sha256 {found[:16]}..., expected {asset.sha256}...; "
                "delete it and fetch it again"
            )
    return asset.path


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(name: str) -> Path:
    """Download an open asset: to a temporary name, with a time limit, hash checked, then renamed.

    Raises:
        UserError: the asset is gated (says what to do), or the download failed.
    """
    import pooch

    assets = registry()
    if name not in assets:
        raise UserError(f"no asset is called {name}; known: {', '.join(assets)}")
    asset = assets[name]
    if not asset.url:
        raise UserError(f"{name} cannot be fetched for you (licence: {asset.licence}): {asset.remedy} ({asset.path})")
    downloader = pooch.HTTPDownloader(progressbar=False, timeout=30)
    try:
        pooch.retrieve(asset.url, None, asset.path.name, asset.path.parent, downloader=downloader)
    except (OSError, ValueError) as error:
        raise UserError(f"could not fetch {name} from {asset.url}: {error}") from error
    return find(name)


def main(words: list[str]) -> None:
    """Run `list` or `fetch NAME`."""
    match words:
        case ["list"]:
            for asset in registry().values():
                state = "there  " if asset.path.exists() else "missing"
                print(f"{state}  {asset.name:<18} {asset.what}; {asset.licence}; {asset.path}")
        case ["fetch", name]:
            print(fetch(name))
        case _:
            raise UserError("usage: python -m models.assets list | fetch NAME")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
