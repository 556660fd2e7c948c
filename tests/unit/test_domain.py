"""One system to a domain and namespace."""

import pytest

from care_robot.bringup.domain import DomainError, claimed, domain_id, own_domain


@pytest.mark.parametrize(
    ("given", "domain"), [({}, 0), ({"ROS_DOMAIN_ID": ""}, 0), ({"ROS_DOMAIN_ID": "42"}, 42)]
)
def test_the_domain_is_that_of_the_environment(given: dict[str, str], domain: int) -> None:
    assert domain_id(given) == domain


@pytest.mark.parametrize("given", ["abc", "-1", "233", "1.5", "٣x"])
def test_a_domain_that_cannot_be_is_named(given: str) -> None:
    with pytest.raises(DomainError, match="ROS_DOMAIN_ID"):
        domain_id({"ROS_DOMAIN_ID": given})


def test_a_second_system_in_the_same_domain_is_refused_until_the_first_ends() -> None:
    with claimed(150):
        with pytest.raises(DomainError, match="domain 150"), claimed(150):
            pass
        with claimed(150, "robot1"), claimed(151):
            pass
    with claimed(150):
        pass


def test_a_demo_takes_a_domain_that_is_neither_in_use_nor_the_users_own() -> None:
    first, second = {"ROS_DOMAIN_ID": "7"}, {"ROS_DOMAIN_ID": "7"}
    with own_domain(first) as a, own_domain(second) as b:
        assert len({a, b, 7}) == 3
        assert first["ROS_DOMAIN_ID"] == str(a)
