"""A recipe describes a simulated home to another process."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.simulation.recipe import PersonRecipe, Recipe, RecipeError, Role, Spawned, people_of

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
numbers = st.floats(-100, 100)


@given(
    st.lists(names, unique=True, max_size=6),
    st.integers(0, 2**31),
    st.sampled_from(Role),
    st.tuples(numbers, numbers, numbers),
)
def test_the_other_process_reads_what_was_written(
    ids: list[str], seed: int, role: Role, place: tuple[float, float, float]
) -> None:
    people = tuple(PersonRecipe(name, role, seed, "sofa", None) for name in ids[::2])
    things = tuple(Spawned("cup", name, place) for name in ids[1::2])
    recipe = Recipe("ward", seed, people, things)
    assert Recipe.from_json(recipe.to_json()) == recipe


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5))
def test_what_is_no_recipe_is_refused_with_a_sentence(junk: object) -> None:
    for text in (json.dumps(junk), str(junk), json.dumps({"world": junk, "seed": junk, "people": junk})):
        with pytest.raises(RecipeError, match=r"\w"):
            Recipe.from_json(text)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ({"id": "resident"}, "must be a list"),
        (["resident"], "use id, role"),
        ([{"role": "resident"}], "use id, role"),
        ([{"id": "resident", "age": 90}], "use id, role"),
        ([{"id": "resident", "role": "nurse"}], "use id, role"),
        ([{"id": "a b"}], "'a b'"),
        ([{"id": "resident", "seed": -1}], "-1"),
        ([{"id": 5}], "use id, role"),
        ([{"id": "resident", "seed": 1.5}], "whole number"),
        ([{"id": "resident", "seed": "x"}], "'x'"),
        ([{"id": "resident", "seed": True}], "whole number"),
        ([{"id": "resident", "place": 5}], "name of a place"),
        ([{"id": "resident", "walking_aid": "no"}], "true or false"),
    ],
)
def test_people_are_checked(items: object, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        people_of(items)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(RecipeError, match="'cup'"):
        Recipe(people=(PersonRecipe("cup"),), spawned=(Spawned("cup", "cup", (0, 0, 0)),))


def test_a_place_that_is_no_number_is_refused() -> None:
    with pytest.raises(RecipeError, match="finite"):
        Spawned("cup", "cup", (0.0, float("nan"), 0.0))
