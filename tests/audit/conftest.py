import pytest

from tests.audit.shop import Shop, two_nights


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after two runs; tests only read it."""
    return two_nights(tmp_path_factory.mktemp("past") / "shop")
