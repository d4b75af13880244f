"""Write the files that are made from the code: schemas/ from the messages, docs/configuration.md from the options.

    scripts/generate.py [schemas] [configuration] [--check]

Without a name, both.
With `--check` nothing is written; it fails and names the files that no longer agree with the code.
"""

from __future__ import annotations

import argparse
import ast
import enum
import inspect
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from manualdial import config, messages

ROOT = Path(__file__).resolve().parent.parent

Struct = type[msgspec.Struct]
Files = dict[Path, str]


def sentences(module: ModuleType) -> dict[tuple[str, str], str]:
    """The text under each field of each class of a module, by class and field."""
    found: dict[tuple[str, str], str] = {}
    for owner in ast.parse(inspect.getsource(module)).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for pair in itertools.pairwise(owner.body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[owner.name, field] = inspect.cleandoc(text)
    return found


# ── schemas/ ────────────────────────────────────────────────────────────────────────────────────────────────────────


def structs() -> list[Struct]:
    """The messages and their parts: every class of `messages` that says something."""
    return [
        thing
        for thing in vars(messages).values()
        if isinstance(thing, type)
        and issubclass(thing, msgspec.Struct)
        and thing.__module__ == messages.__name__
        and (msgspec.structs.fields(thing) or thing is messages.NoData)
    ]


def schema_of(kind: Any) -> dict[str, Any]:
    """The schema of a field's type. Unlike msgspec's own, it takes a union of classes without a tag."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    inner = [part for part in get_args(kind) if part is not msgspec.UnsetType]
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return schema_of(inner[0]) if len(inner) == 1 else {"anyOf": [schema_of(part) for part in inner]}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0])}
    return msgspec.json.schema(kind)


def definition(kind: Struct, texts: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The schema of a class, with the text under each field in it."""
    schema: dict[str, Any] = {"title": kind.__name__, "description": inspect.cleandoc(kind.__doc__ or "")}
    schema |= {"type": "object", "properties": {}, "required": []}
    for field in msgspec.structs.fields(kind):
        one = schema_of(field.type)
        if text := texts.get((kind.__name__, field.name)):
            one["description"] = " ".join(text.split())
        if isinstance(field.default, str | int):
            one["default"] = field.default
        schema["properties"][field.encode_name] = one
        if field.required:
            schema["required"].append(field.encode_name)
    return schema


def references(value: Any) -> set[str]:
    """The names of the definitions that a schema points to."""
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    return set()


def reachable(name: str, components: Mapping[str, Any]) -> set[str]:
    """The definitions that the one named `name` is made of."""
    found: set[str] = set()
    waiting = references(components[name])
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting |= references(components[part])
    return found


def schemas() -> Files:
    """A file for each message that is not a part of another: `data` of requests, `message` of replies and events."""
    texts = sentences(messages)
    kinds = {kind.__name__: kind for kind in structs()}
    components = {name: definition(kind, texts) for name, kind in kinds.items()}
    parts = set().union(*(references(schema) for schema in components.values()))
    files: Files = {}
    for name in sorted(set(components) - parts):
        kind = kinds[name]
        schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **components[name]}
        if issubclass(kind, messages.Incoming) and kind in messages.BARE_VALUE:
            # The one key may stand for the whole: then its bare value is `data`.
            schema["type"] = ["object", "string", "integer", "null"]
        if needed := sorted(reachable(name, components)):
            schema["$defs"] = {part: components[part] for part in needed}
        folder = "requests" if issubclass(kind, messages.Incoming) else "messages"
        files[Path("schemas") / folder / f"{name}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return files


# ── docs/configuration.md ───────────────────────────────────────────────────────────────────────────────────────────


PREAMBLE = """# Configuration

<!-- Made by `make docs` from src/manualdial/config.py; a change belongs there. -->

Options come from a TOML file and from the environment, and the environment wins.
An unknown option is refused by its name.
`manualdial config show` tells what is in force, `manualdial config check` whether it can be used.
Lists in the environment are separated by commas.
"""

WORDS = {str: "text", bool: "true or false", int: "whole number", float: "number"}


def words(kind: Any) -> str:
    """What a value of an option looks like."""
    metadata = getattr(kind, "__metadata__", ())
    plain = get_args(kind)[0] if metadata else kind
    if get_origin(plain) is list:
        return "list of text"
    if issubclass(plain, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in plain)
    limits = [f"above {meta.gt}" for meta in metadata if meta.gt is not None]
    limits += [f"from {meta.ge}" for meta in metadata if meta.ge is not None]
    limits += [f"to {meta.le}" for meta in metadata if meta.le is not None]
    return " ".join([WORDS[plain], *limits])


def tables(section: type[config.Section], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The tables of the file that hold options, each with its sentence."""
    fields = msgspec.structs.fields(section)
    inner = [one for one in fields if isinstance(one.type, type) and issubclass(one.type, config.Section)]
    if len(inner) < len(fields):
        yield path, inspect.cleandoc(section.__doc__ or "")
    for one in inner:
        yield from tables(one.type, (*path, one.name))


def row(option: config.Option) -> str:
    """The line of an option."""
    default = json.dumps(option.default, ensure_ascii=False)
    return f"| `{option.path[-1]}` | {words(option.type)} | `{default}` | `{option.variable}` | {option.description} |"


def configuration() -> Files:
    """The page of options: a part for each table of the file."""
    lines = [PREAMBLE]
    for path, sentence in tables(config.Config):
        lines += [f"## `[{'.'.join(path)}]`", "", sentence, ""]
        lines += ["| option | value | default | in the environment | |", "|---|---|---|---|---|"]
        lines += [row(option) for option in config.options() if option.path[:-1] == path]
        lines.append("")
    return {Path("docs/configuration.md"): "\n".join(lines).rstrip() + "\n"}


# ── both ────────────────────────────────────────────────────────────────────────────────────────────────────────────

MAKERS: dict[str, Callable[[], Files]] = {"schemas": schemas, "configuration": configuration}


def stale(files: Files) -> list[Path]:
    """The files that are missing or say something else, and schemas that no message stands behind any more."""
    different = [path for path, text in files.items() if not same(ROOT / path, text)]
    return different + left_over(files)


def same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def left_over(files: Files) -> list[Path]:
    """Generated schemas whose message is gone."""
    folders = {path.parent for path in files if path.suffix == ".json"}
    there = {found.relative_to(ROOT) for folder in folders for found in (ROOT / folder).glob("*.json")}
    return sorted(there - set(files))


def write(files: Files) -> None:
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    for path in left_over(files):
        (ROOT / path).unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=" or ".join(MAKERS))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MAKERS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    files: Files = {}
    for name in options.names or MAKERS:
        files |= MAKERS[name]()
    if not options.check:
        write(files)
        return 0
    if wrong := stale(files):
        print("These no longer agree with the code (make schemas docs):", *wrong, sep="\n  ", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
