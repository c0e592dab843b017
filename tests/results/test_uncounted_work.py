"""Networks with operators whose work is not known: nothing is proved OPTIMAL for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import optimizer
from optimizer.checker.again import verify
from optimizer.checker.stored import stored
from optimizer.problem.status import Status
from optimizer.report.solve import to_text
from optimizer.report.study import study_report
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.tiny_problem import NETWORK, TINY

NAMES = [layer.name for layer in parse_network(NETWORK).layers()]


def partly_counted() -> Network:
    return parse_network(f"uncounted: [{NAMES[0]}]\n{NETWORK}")


def test_statuses_of_a_part_and_of_the_whole() -> None:
    for status in Status:
        assert status.of_whole(counted=True) is status
        assert status.of_whole(counted=False) is (Status.FEASIBLE if status is Status.OPTIMAL else status)


def test_a_solve_is_feasible_with_the_optimum_of_the_part() -> None:
    whole, part = optimizer.solve(parse_network(NETWORK), TINY), optimizer.solve(partly_counted(), TINY)
    assert (whole.status, part.status) == ("OPTIMAL", "FEASIBLE")
    assert part.certificate.status == "OPTIMAL" and part.certificate.value == whole.certificate.value
    assert part.problem_hash != whole.problem_hash
    assert optimizer.verify(part).ok


def test_verify_refuses_optimal() -> None:
    found = stored(optimizer.solve(partly_counted(), TINY))
    assert verify(found).ok
    found.data["status"] = "OPTIMAL"
    assert not verify(found).ok


@pytest.mark.slow
def test_other_results_are_feasible_too(tmp_path: Path) -> None:
    part, other = partly_counted(), parse_network(NETWORK)
    part.name, other.name = "part", "other"
    joint = optimizer.codesign([part, other], TINY)
    assert joint.status == "FEASIBLE" and optimizer.verify(joint).ok
    front = optimizer.front(part, TINY)
    assert front.status == "FEASIBLE" and optimizer.verify(front).ok
    study = optimizer.study(part, TINY, [optimizer.Range("area-mm2")])
    assert study.status == "FEASIBLE" and optimizer.verify(study).ok
    for found in (front, study):
        text = to_text(study_report(found.body))
        assert text.startswith("FEASIBLE") and "OPTIMAL" not in text
    folder = optimizer.save(joint, tmp_path / "joint")
    main = Path(folder) / "result.json"
    data = json.loads(main.read_text(encoding="utf-8"))
    main.write_text(json.dumps(data | {"status": "OPTIMAL"}), encoding="utf-8")
    assert not optimizer.verify(optimizer.load_result(folder)).ok


def test_a_layer_that_there_is_not_is_refused() -> None:
    with pytest.raises(optimizer.SpecError, match="no such layer"):
        parse_network(f"uncounted: [x]\n{NETWORK}")
