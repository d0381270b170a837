from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mock import Mock, make_mock


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real spectra that stands beside the project on a developer's machine."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/ beside the project: real spectra")
    return folder


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Mock:
    """A catalog of made-up stars and the made-up model that encoded them."""
    return make_mock(tmp_path_factory.mktemp("mock"))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks as small as the tests' gain nothing from threads, which here wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
