"""``tilewright store``: what is in the store of results, and what is removed from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimizer.cli.inputs import cache_folder, default_cache_folder
from optimizer.cli.option_types import Place, Positive
from optimizer.cli.options import store_folder_option
from optimizer.cli.output import show_on_stdout
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.store.store import Store

MOST_SHOWN = 20

kind_option = click.option(
    "--kind", metavar="KIND", help="Only of this kind: optimum, bound, start, or a kind of task."
)


@click.group()
def store() -> None:
    """The store of results: layer results and outcomes of tasks, each under the hash of its content."""


@store.command("list")
@store_folder_option
@kind_option
@click.option("--all", "everything", is_flag=True, help="List every entry; otherwise the newest tasks.")
def list_command(cache: str | None, kind: str | None, everything: bool) -> None:
    """Counts, sizes and versions of what is there, and the newest entries."""
    from optimizer.files.quantities import size_text  # noqa: PLC0415
    from optimizer.report.store import entries_table, groups_table  # noqa: PLC0415
    from optimizer.store.contents import Selection, check_kind, entries, groups  # noqa: PLC0415
    from optimizer.store.database import STORE_FILE  # noqa: PLC0415
    from optimizer.store.store import LAYER_KINDS  # noqa: PLC0415

    folder = _folder(cache)
    with _opened(folder) as opened:
        check_kind(opened, kind)
        counts = [group for group in groups(opened) if kind in (None, group.kind)]
        tasks_only = kind is None and not everything
        found = entries(opened, Selection(kind), tasks_only=tasks_only, most=None if everything else MOST_SHOWN)
    listed = sum(group.entries for group in counts if not (tasks_only and group.kind in LAYER_KINDS))
    path = folder / STORE_FILE
    show_on_stdout(groups_table(f"{path} ({size_text(8 * path.stat().st_size)})", counts))
    if found:
        show_on_stdout(entries_table(found, listed - len(found)))
    if _former(folder).exists():
        click.echo(f"{_former(folder)}, of an earlier version, is not read any more: `store prune` removes it")


@store.command()
@click.argument("key")
@store_folder_option
def show(key: str, cache: str | None) -> None:
    """One entry in full; the beginning of its KEY is enough."""
    from optimizer.report.store import entry_report  # noqa: PLC0415
    from optimizer.store.contents import find  # noqa: PLC0415

    with _opened(_folder(cache)) as opened:
        line = find(opened, key)
    show_on_stdout(entry_report(line))


@store.command()
@store_folder_option
@kind_option
@click.option("--stale", is_flag=True, help="What another version of the model made, never served (default).")
@click.option(
    "--older-than",
    type=Positive("write e.g. 30, or leave the option out for all"),
    metavar="DAYS",
    help="What was noted longer ago.",
)
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and leave it.")
def prune(
    cache: str | None, kind: str | None, stale: bool, older_than: Fraction | None, everything: bool, dry_run: bool
) -> None:
    """Remove entries and give their space back.

    Several conditions remove what meets all of them; what is damaged goes in any case. What is removed is computed
    again when it is needed; other processes may use the store meanwhile.
    """
    from optimizer.files.quantities import size_text  # noqa: PLC0415
    from optimizer.store import contents  # noqa: PLC0415

    if everything and (stale or older_than is not None):
        raise SpecError(
            "--all contradicts other conditions",
            field="--all",
            value="with --stale or --older-than",
            allowed="one of them",
            remedy="leave --all out, or the others",
        )
    folder, former_too = _folder(cache), kind is None and older_than is None
    selection = contents.Selection(kind, stale or not (everything or older_than is not None), older_than)
    with _opened(folder) as opened:
        contents.check_kind(opened, kind)
        count, size = contents.prune(opened, selection, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    click.echo(f"{verb} {count:,} {'entry' if count == 1 else 'entries'}, {size_text(8 * size)} of JSON")
    if former_too and _former(folder).exists():
        if not dry_run:
            _former(folder).unlink()
        click.echo(f"{verb} {_former(folder)}, of an earlier version")


@store.command()
@click.argument("file", type=Place())
@store_folder_option
@kind_option
def export(file: str, cache: str | None, kind: str | None) -> None:
    """Write entries to FILE, a line of JSON each; `import` reads it."""
    from optimizer.results.folder import save_lines  # noqa: PLC0415
    from optimizer.store.contents import Selection, check_kind, export_lines  # noqa: PLC0415

    with _opened(_folder(cache)) as opened:
        check_kind(opened, kind)
        save_lines(export_lines(opened, Selection(kind)), Path(file))
    click.echo(f"written to {file}", err=True)


@store.command("import")
@click.argument("file", type=Place())
@store_folder_option
def import_command(file: str, cache: str | None) -> None:
    """Take in the optima of FILE, which `export` wrote, as mappings that searches start from.

    Results never rest on them: what is the optimum is proved here. So bounds and outcomes of tasks are left out.
    """
    from optimizer.store.contents import import_lines  # noqa: PLC0415
    from optimizer.store.store import Store  # noqa: PLC0415

    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"cannot read the file: {error}",
            file=file,
            allowed="what `tilewright store export` wrote",
            remedy="name such a file",
        ) from None
    folder = cache_folder({"cache": str(_folder(cache)), "no_cache": False})
    with closing(Store(folder)) as opened:
        starts, others = import_lines(opened, lines, file)
    click.echo(f"read {starts:,} {'mapping' if starts == 1 else 'mappings'} to start searches from")
    if others:
        click.echo(f"left out {others:,}: bounds, outcomes of tasks and other versions would have to be found again")


def _folder(cache: str | None) -> Path:
    return default_cache_folder() if cache is None else Path(cache)


def _former(folder: Path) -> Path:
    from optimizer.store.database import FORMER_FILE  # noqa: PLC0415

    return folder / FORMER_FILE


@contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    """The store in a folder, which must be there.

    Raises
    ------
    SpecError
        If it is not.
    """
    from optimizer.store.database import STORE_FILE  # noqa: PLC0415
    from optimizer.store.store import Store  # noqa: PLC0415

    if not (folder / STORE_FILE).exists():
        raise SpecError(
            "there is no store in this folder",
            field="--cache",
            value=str(folder),
            allowed=f"a folder with {STORE_FILE}",
            remedy="solve something first, or name the folder with --cache",
        )
    with closing(Store(folder)) as opened:
        yield opened
