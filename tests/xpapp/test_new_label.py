"""A label that is new to the table of columns, on the page."""

import pytest

from tests.support.mock import Mock
from tests.support.new_label import make_known, with_new_label
from xpapp.own.view import OwnView
from xpapp.sets.filters import RangeView
from xpapp.sets.stars import StarsView
from xpapp.spectrum.near import NearView
from xpapp.spectrum.steer import SteerControls
from xpapp.state.visit import Visit
from xpmodel import load_model
