"""From option values to networks, layers, architectures and folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.problem.fusion_options import Fusion
    from optimizer.scaling.pool import Pool
    from optimizer.training.bits import TrainingBits
    from optimizer.workload.layer import Layer
    from optimizer.workload.network import Network

Options = Mapping[str, Any]
T = TypeVar("T")


def read_network(spec: str, options: Options) -> Network:
    """The network of a command with the workload options.

    Parameters
    ----------
    spec : str
        A built-in name, a .onnx or a .yaml file, a config.json or its folder.
    options : mapping
        Of the command.

    Raises
    ------
    SpecError
        If it cannot be read, an option does not apply to it, or a dim is given twice.
    """
    from optimizer.cli.dims import dims_of, is_onnx  # noqa: PLC0415
    from optimizer.networks.load import load  # noqa: PLC0415

    dims = _once(options["dims"], "--dim", "a dim is given twice", "one extent per dim")
    if is_onnx(spec) and any(":" in name for name in dims):
        dims = dict(dims_of([spec], options["dims"])[spec])
    conventions = _once(
        options.get("conventions", ()), "--convention", "a convention is given twice", "one value for each"
    )
    return load(
        spec,
        batch=options["batch"],
        sequence=options["sequence"],
        bits=options["bits"],
        dims=dims,
        allow_unknown=options["allow_unknown"],
        sparsity=options["sparsity"],
        training=options.get("training"),
        training_bits=_training_bits(options),
        phase=options.get("phase"),
        prompt=options.get("prompt"),
        context=options.get("context"),
        conventions=conventions,
    )


def _once(pairs: Sequence[tuple[str, T]], option: str, problem: str, allowed: str) -> dict[str, T]:
    """Pairs by name; a name may not have two values."""
    found: dict[str, T] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise SpecError(
                problem,
                field=f"{option} {name}",
                value=[found[name], value],
                allowed=allowed,
                remedy="leave one of the two out",
            )
    return found


def _training_bits(options: Options) -> TrainingBits | None:
    """Precisions of a training step, if any are given."""
    from optimizer.training.bits import TrainingBits  # noqa: PLC0415

    given = options.get("training_bits")
    return None if given is None else TrainingBits.from_names(given)


def pick_layer(network: Network, name: str | None) -> Layer:
    """The named layer of a network, or its only multiply-accumulate layer.

    Raises
    ------
    SpecError
        If there is no such layer, or none is named where there are several.
    """
    layers = {layer.name: layer for layer in network.mac_layers()}
    if name is None and len(layers) == 1:
        return next(iter(layers.values()))
    if name not in layers:
        problem = f"{network.name} has {len(layers)} multiply-accumulate layers" if name is None else "no such layer"
        raise SpecError(
            problem,
            field="--layer",
            value=name,
            allowed=", ".join(layers) or "none: there are only vector layers",
            remedy="name one of them with --layer",
        )
    return layers[name]


def read_architecture(options: Options) -> Architecture:
    """The architecture of a command, with its choices, accounting and (where there are any) budgets.

    Raises
    ------
    SpecError
        If it cannot be read, a choice is none of its menus, or a menu is chosen twice.
    """
    from optimizer.architecture.budgets import Budgets  # noqa: PLC0415
    from optimizer.architecture.constrain import with_constraints  # noqa: PLC0415
    from optimizer.architecture.reader import load_architecture  # noqa: PLC0415
    from optimizer.architecture.retarget import on_device  # noqa: PLC0415
    from optimizer.architecture.selection import select  # noqa: PLC0415
    from optimizer.files.schema_check import placed  # noqa: PLC0415

    try:
        architecture = load_architecture(options["architecture"])
    except SpecError as error:
        raise placed(error, error.file, error.field or (None if error.file else "--architecture")) from None
    if options.get("device") is not None:
        try:
            architecture = on_device(architecture, options["device"])
        except SpecError as error:
            raise placed(error, error.file, error.field or (None if error.file else "--device")) from None
    if options["constraints"] is not None:
        architecture = with_constraints(architecture, options["constraints"])
    chosen: dict[str, str] = {}
    for path, entry in options["choices"]:
        if chosen.setdefault(path, entry) != entry:
            raise SpecError(
                "a menu is chosen twice",
                field=f"--choose {path}",
                value=[chosen[path], entry],
                allowed="one entry per menu",
                remedy="leave one of the two out",
            )
    architecture = select(architecture, chosen)
    if options["accounting"] is not None:
        architecture = replace(architecture, accounting=options["accounting"])
    names = [budget.name for budget in fields(Budgets)]
    given = {name: options[name] for name in names if options.get(name) is not None}
    return architecture.with_budgets(replace(architecture.budgets, **given)) if given else architecture


def asked_fusion(options: Options) -> Fusion | None:
    """The groups that the fusion options allow; None without ``--fusion``.

    Raises
    ------
    SpecError
        On options of groups that make no sense.
    """
    from optimizer.problem.fusion_options import Fusion  # noqa: PLC0415

    if options.get("fusion"):
        return Fusion(options["max_group"], options["halo"], options["tile"])
    context = click.get_current_context()
    for name in ("max_group", "halo", "tile"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise SpecError(
                "only fused groups have this option",
                field=option,
                value=",".join(map(str, given)) if isinstance(given := options[name], tuple) else given,
                allowed=f"--fusion {option}",
                remedy=f"add --fusion, or leave {option} out",
            )
    return None


def say_warnings(warnings: Sequence[str]) -> None:
    """Warnings on stderr."""
    for line in warnings:
        click.echo(f"warning: {line}", err=True)


def cache_folder(options: Options) -> Path | None:
    """The folder of the store of results, made if need be; None: results are kept in memory only.

    Raises
    ------
    SpecError
        If a folder that was asked for cannot be made, or ``--no-cache`` is given as well.
    """
    asked = options["cache"]
    if options["no_cache"]:
        if asked is not None:
            raise SpecError(
                "--cache and --no-cache contradict each other",
                field="--cache",
                value=asked,
                allowed="one of the two",
                remedy="leave one out",
            )
        return None
    folder = Path(asked) if asked is not None else default_cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        if asked is None:
            say_warnings([f"no cache: {folder}: {error.strerror}"])
            return None
        raise SpecError(
            f"cannot use the cache folder: {error.strerror}",
            field="--cache",
            value=asked,
            allowed="a folder that may be written",
            remedy="name another folder, or use --no-cache",
        ) from None
    return folder


def asked_pool(options: Options) -> AbstractContextManager[Pool | None]:
    """The pool that the scaling options ask for, as a context manager; None for the threads of this process.

    Raises
    ------
    SpecError
        On limits that only processes have, without processes.
    """
    from optimizer.scaling.opening import open_pool  # noqa: PLC0415

    limit = options["task_time_limit"]
    if not options["processes"] and options["scheduler"] is None:
        if limit is not None:
            raise SpecError(
                "only processes have this limit",
                field="--task-time-limit",
                value=limit,
                allowed="together with --processes or --scheduler",
                remedy="add --processes, or leave it out",
            )
        return nullcontext()
    return open_pool(
        options["workers"],
        options["scheduler"],
        memory_limit_mb=options["memory_limit"],
        task_time_limit_s=None if limit is None else float(limit),
    )


def default_cache_folder() -> Path:
    """The platform's cache folder of this user; XDG_CACHE_HOME wins."""
    home = Path.home()
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = home / ".cache"
    return base / "tilewright"
