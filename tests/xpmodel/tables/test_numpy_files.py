"""Headers of NumPy files that ask for more than there is."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.support.loops import some
from xpmodel.errors import InputError
from xpmodel.tables.numpy_files import read_array, read_arrays


def header(shape, descr="'<f8'", version=b"\x01\x00", length=2):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(length, "little") + text


LIES = {
    "a trillion numbers": header("(1000000000000,)") + bytes(80),
    "more than there are": header("(11,)") + bytes(80),
    "fewer than there are": header("(9,)") + bytes(80),
    "a negative shape": header("(-10,)") + bytes(80),
    "an overflowing shape": header("(4294967296, 4294967296)") + bytes(80),
    "an endless header": b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\xff" + bytes(80),
    "text": header("(10,)", "'<U2'") + bytes(80),
    "objects": header("(10,)", "'|O'") + bytes(80),
    "columns": header("(10,)", "[('a', '<f8')]", b"\x03\x00", 4) + bytes(80),
    "no header": b"\x93NUMPY",
    "nothing": b"",
    "code": header("(10,)", "__import__('os').getcwd()") + bytes(80),
}


def packed(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_a_header_that_lies_is_refused_before_memory_is_taken(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    packed(tmp_path / "a.npz", mu=content)
    tracemalloc.start()
    for read in (
        lambda: read_array(tmp_path / "a.npy"),
        lambda: read_arrays(tmp_path / "a.npz", ("mu",)),
    ):
        with pytest.raises(InputError, match=r"a\.np[yz]: ") as caught:
            read()
        assert "\n" not in str(caught.value)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_member_that_unpacks_without_end_is_refused(tmp_path):
    n = 40_000_000  # 320 MB of zeros, which shrink to 0.3
    path = packed(tmp_path / "a.npz", mu=header(f"({n},)") + bytes(8 * n))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="mu has 305 MB, more than are read"):
        read_arrays(path, ("mu",))


def test_arrays_of_numbers_are_read_whole(tmp_path):
    values = np.arange(12.0).reshape(3, 4)
    np.savez_compressed(tmp_path / "a.npz", values=values, other=np.arange(3))
    found = read_arrays(tmp_path / "a.npz", ("values",), optional=("other", "more"))
    np.testing.assert_array_equal(found["values"], values)
    assert sorted(found) == ["other", "values"]
    np.save(tmp_path / "a.npy", np.asfortranarray(values))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), values)
    version_2 = io.BytesIO()
    np.lib.format.write_array(version_2, values, version=(2, 0))
    (tmp_path / "b.npy").write_bytes(version_2.getvalue())
    np.testing.assert_array_equal(read_array(tmp_path / "b.npy"), values)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_no_zip_file(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: not a \.npz file of numbers"):
        read_arrays(tmp_path / "a.npz", ("mu",))


def test_the_header_of_a_trillion_numbers_among_the_attacks(shared):
    for path in some(sorted((shared / "cases" / "attack").glob("*.npz"))):
        with pytest.raises(InputError, match=r"\.npz: "):
            read_arrays(path, ("mu", "sig"))
