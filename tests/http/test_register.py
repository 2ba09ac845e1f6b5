"""The address that a problem document gives as its type."""

import pytest

from app.errors import CONDITIONS, HTTP_CONDITIONS, Condition
from tests.http.conftest import Call


@pytest.mark.parametrize("condition", [*CONDITIONS, *HTTP_CONDITIONS], ids=lambda condition: condition.code)
def test_every_code_is_explained_to_anybody(call: Call, condition: Condition) -> None:
    answer = call(None, "GET", f"/problems/{condition.code}")
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["status"], answer.json["meaning"]) == (condition.status, condition.meaning)


def test_the_type_of_a_problem_leads_to_its_explanation(call: Call) -> None:
    problem = call(None, "GET", "/api/v1/specializations").json
    assert problem is not None
    explained = call(None, "GET", problem["type"]).json
    assert explained is not None
    assert explained["code"] == problem["code"] == "not_signed_in"


def test_a_code_that_nobody_knows_is_not_found(call: Call) -> None:
    assert call(None, "GET", "/problems/no_such_code").status_code == 404
