"""How the five commands start: Hydra composes `configs/<name>.yaml`, and what a user gets wrong ends in one line.

    @command("animate", Animate)
    def main(config: DictConfig) -> None: ...

    if __name__ == "__main__":
        main()

The scripts import torch inside `main`: before that, `command` starts the interpreter once more with two settings of
the C library's allocator, which otherwise hands big blocks back to the system after every layer (about half of the time
of a memory-heavy network on a virtual machine). Set `FIGUREHEAD_ALLOCATOR=system` to leave it alone.
"""

import os
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import cleandoc
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from configs.instantiate import check_config
from configs.schema import check_schema
from models.errors import UserError

CONFIGS = Path(__file__).parent  # groups of one command alone are in a folder of its name: configs/prepare/source
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}


def command(name: str, schema: type) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Make `main(config)` the entry of the command whose primary config is `configs/<name>.yaml`, typed by `schema`.

    Adds `--help` for people, the nearest key for a misspelt one, and exit code 2 with one line for a `UserError`.
    `--cfg job` (Hydra's) shows the plan without starting it.
    """

    def decorate(main: Callable[[DictConfig], None]) -> Callable[[], None]:
        @wraps(main)
        def checked(config: DictConfig) -> None:
            try:
                missing = sorted(OmegaConf.missing_keys(config))
                if missing:
                    raise UserError(f"please give {', '.join(f'{key}=...' for key in missing)} (see --help)")
                check_schema(config, schema)
                check_config(config)
                main(config)
            except UserError as error:
                fail(str(error))

        @wraps(main)
        def entry() -> None:
            if {"--help", "-h"} & set(sys.argv[1:]):
                print(help_text(name, main.__doc__ or ""))
                return
            restart_with_allocator()
            os.environ["HYDRA_FULL_ERROR"] = "1"  # let composition errors through: we word them, not Hydra
            try:
                hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=name)(checked)()
            except (HydraException, OmegaConfBaseException) as error:
                fail(explain(error, name))

        return entry

    return decorate


def fail(message: str) -> NoReturn:
    """End the command with one line on stderr and exit code 2."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def restart_with_allocator() -> None:
    """Start this interpreter again with `ALLOCATOR` in its environment; does nothing the second time."""
    settled = os.environ.get("FIGUREHEAD_ALLOCATOR") == "system" or all(key in os.environ for key in ALLOCATOR)
    if sys.platform == "linux" and not settled and "torch" not in sys.modules:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **ALLOCATOR})


def explain(error: Exception, name: str) -> str:
    """One line for what Hydra found wrong with the command line, with the nearest right word."""
    text = str(error)
    key = re.search(r"Could not override '([^']+)'", text) or re.search(
        r"Key '[^']+' (?:is )?not in .*full_key: (\S+)", text, re.DOTALL
    )
    option = re.search(r"Could not (?:find|load) '([^']+)'", text)
    needed = re.search(r"You must specify '([^']+)'", text)
    if needed:
        return f"please give {needed[1]}=...; known: {', '.join(options(needed[1], name))}"
    if option:
        group, _, choice = option[1].partition("/")
        known = options(group, name)
        if known:
            return f"{group}={choice} is not there{nearest(choice, known)}; known: {', '.join(known)}"
    if key and key[1] in known_keys(name):
        return f"{key[1]} has no such entry; a new one is added by +{key[1]}.ENTRY=VALUE"
    if key:
        return f"unknown key {key[1]}{nearest(key[1], known_keys(name))} (see --help)"
    return text


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean X?`, or nothing where no known word is near."""
    ends = {key.rsplit(".", 1)[-1]: key for key in known}  # `lr` should find `module.lr`
    found = get_close_matches(word, known, 1, 0.6) or [
        ends[end] for end in get_close_matches(word, list(ends), 1, 0.75)
    ]
    return f"; did you mean {found[0]}?" if found else ""


def options(group: str, name: str | None = None) -> list[str]:
    """The choices of a config group, of command `name` alone too, as they are typed (`sadtalker/face_vid2vid`)."""
    folders = [CONFIGS / group] if name is None else [CONFIGS / group, CONFIGS / name / group]
    return sorted(path.relative_to(f).with_suffix("").as_posix() for f in folders for path in f.rglob("*.yaml"))


def known_keys(name: str) -> list[str]:
    """Every key of the composed config of command `name`, dotted, with those overrides that do compose."""
    keys = [path.name for folder in (CONFIGS, CONFIGS / name) for path in folder.glob("*/")]
    overrides = [word for word in sys.argv[1:] if "=" in word and options(word.split("=")[0].lstrip("+~"), name)]
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for attempt in (overrides, []):
            try:
                return keys + dotted(hydra.compose(name, overrides=attempt))
            except (HydraException, OmegaConfBaseException):
                continue
    return keys


def dotted(config: DictConfig, prefix: str = "") -> list[str]:
    """All keys of a nested config as `a.b.c`."""
    keys = []
    for key in map(str, config):
        keys.append(f"{prefix}{key}")
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not node._is_missing() and not node._is_none():
            keys += dotted(node, f"{prefix}{key}.")
    return keys


def help_text(name: str, doc: str) -> str:
    """What the command does, and each key of its config with the comment that stands beside it."""
    rows: list[tuple[str, str, str, str]] = []
    parents: list[tuple[int, str]] = []
    for line in (CONFIGS / f"{name}.yaml").read_text().splitlines():
        choice = re.match(r"\s+- (?:optional )?(([a-z_]+)(?:@[a-z]\w*)?): ([\w/?]+)(?:\s+# (.*))?$", line)
        value = re.match(r"( *)([a-z_]+): ?([^#]*?)(?:\s*# (.*))?$", line)
        if choice and (known := options(choice[2], name)):
            rows.append((choice[1], choice[3], choice[4] or "", ", ".join(known)))
        elif value:
            parents = [(indent, key) for indent, key in parents if indent < len(value[1])]
            key = ".".join([*(key for _, key in parents), value[2]])
            parents.append((len(value[1]), value[2]))
            if not key.startswith("hydra") and (value[3] or value[4]):
                rows.append((key, value[3], value[4] or "", ""))
    width = max((len(f"{key}={default}") for key, default, *_ in rows), default=0)
    table = []
    for key, default, comment, choices in rows:
        left = f"{key}={'(required)' if default == '???' else default}"
        table.append(f"  {left:<{width + 8}}  {comment}{f' [{choices}]' if choices else ''}".rstrip())
    return "\n".join(
        [
            cleandoc(doc),
            "",
            f"usage: python {name}.py key=value ...",
            "",
            *table,
            "",
            "A dotted key reaches inside: trainer.devices=2. `--cfg job` shows the whole plan and starts nothing.",
        ]
    )
