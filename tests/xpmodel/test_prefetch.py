import threading

import pytest

from xpmodel._prefetch import ahead


def test_order_and_end():
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter(()))) == []


def test_one_item_ahead_and_no_more():
    made, asked = [], threading.Event()

    def items():
        for i in range(5):
            made.append(i)
            if i == 1:
                asked.set()
            yield i

    stream = ahead(items())
    assert next(stream) == 0
    assert asked.wait(10)  # the second is made though nobody has asked for it
    assert made == [0, 1]
    assert list(stream) == [1, 2, 3, 4]


def test_what_goes_wrong_comes_where_its_item_would():
    def items():
        yield 1
        raise OSError("damaged")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(OSError, match="damaged"):
        next(stream)


def test_closed_early():
    threads = threading.active_count()
    stream = ahead(iter(range(10)))
    next(stream)
    stream.close()
    assert threading.active_count() == threads
