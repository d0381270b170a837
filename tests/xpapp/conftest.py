"""What most tests of the page begin with: a small mock sky, and a visit of it without a model."""

import pytest

from tests.support.mock import Mock
from xpapp.state.visit import Visit
from xpmodel import Catalog, open_catalog


@pytest.fixture(scope="module")
def catalog(mock: Mock) -> Catalog:
    return open_catalog(mock.catalog)


@pytest.fixture
def visit(catalog: Catalog) -> Visit:
    return Visit(catalog, None)
