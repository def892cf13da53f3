import pytest

from tests.audit.shop import Shop, two_nights


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after two nights; to look at, not to change."""
    return two_nights(tmp_path_factory.mktemp("past") / "shop")
