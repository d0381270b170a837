"""The errors that tell a user what was wrong with what."""

import pytest

from xpmodel.errors import InputError, naming


def test_an_error_names_the_file_that_it_is_about_once():
    with pytest.raises(InputError, match=r"^sky\.h5: too few stars$"), naming("sky.h5", "out"):
        raise InputError("too few stars")
    for named in ("sky.h5: no column ids", "out: cannot be written"):
        with pytest.raises(InputError, match=f"^{named}$"), naming("sky.h5", "out"):
            raise InputError(named)
    with pytest.raises(KeyError), naming("sky.h5"):
        raise KeyError("a fault of ours")
