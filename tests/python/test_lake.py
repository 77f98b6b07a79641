"""Where the lake may be."""

from __future__ import annotations

import pytest

from tracekeep.lake import LakeError, lake_path, state_path


@pytest.mark.parametrize(
    "strange", ["a b", "a[1]", "a{b", "a*", "a%20b", "a;b", "a:b", "a'b", "a\nb"]
)
@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("TRACEKEEP_LAKE", "/srv/{}"),
        ("TRACEKEEP_LAKE", "s3a://b/{}"),
        ("TRACEKEEP_STATE", "/srv/{}"),
    ],
)
def test_place_that_spark_would_read_in_another_way_is_refused(
    variable: str, place: str, strange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", "/srv/lake")
    monkeypatch.setenv(variable, place.replace("{}", strange))
    with pytest.raises(LakeError, match=variable):
        state_path()


def test_other_places_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", "/srv/über=all+b,c@d~e-f_g.h")
    monkeypatch.delenv("TRACEKEEP_STATE", raising=False)
    assert lake_path() == state_path()
