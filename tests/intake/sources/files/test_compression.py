"""Packed files: read as a stream, and never in part."""

import gzip
import io
import os
import random
import zipfile
from pathlib import Path

import pytest

from conversions.errors import NotAnExport, SourceError
from tests.intake.sources.shop import ROW, csv_text, files, orders, read, rejected, written, zipped

CSV = csv_text([ROW]).encode()
LONG = csv_text([ROW | {"Order": f"{random.Random(nth).getrandbits(80):x}"} for nth in range(20_000)]).encode()


def zip_of(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("orders.csv", data)
    return file.getvalue()


def encrypted() -> bytes:
    data = bytearray(zip_of(CSV))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


def altered(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def test_every_member_of_an_archive_is_a_file(tmp_path: Path) -> None:
    rest = csv_text([ROW | {"Order": "2"}, ROW | {"Total": "x"}]).encode()
    members = {"a.csv": CSV, "b/": b"", "b/c.csv": rest, "__MACOSX/._a.csv": b"\0\5", ".DS_Store": b"\0"}
    members |= {"read me.txt": b"About these orders\n", "empty.csv": b""}
    source = files(written(tmp_path / "november.zip", zipped(members)))

    rows = read(source)

    assert [order.number for order in orders(rows)] == ["1001", "2"]
    assert [row.place for row in rejected(rows)] == ["november.zip/b/c.csv row 3"]
    assert [sentence.partition(" has")[0].partition(" is")[0] for sentence in source.refused_files()] == [
        "november.zip/read me.txt",
        "november.zip/empty.csv",
    ]


def test_several_packed_parts_in_one_file_are_one_file(tmp_path: Path) -> None:
    content = gzip.compress(CSV) + gzip.compress(csv_text([ROW]).partition("\n")[2].encode())

    assert len(orders(read(files(written(tmp_path / "orders.csv.gz", content))))) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(LONG)[:-9], "is damaged or not complete; nothing of it is used"),
        (gzip.compress(LONG)[: len(LONG) // 9], "is damaged or not complete; nothing of it is used"),
        (altered(gzip.compress(LONG)), "is damaged or not complete; nothing of it is used"),
        (zip_of(LONG)[:-9], "is damaged or not complete; nothing of it is used"),
        (altered(zip_of(LONG)), "is damaged or not complete; nothing of it is used"),
        (b"PK\x03\x04" + os.urandom(500), "is damaged or not complete; nothing of it is used"),
        (b"\x1f\x8b" + os.urandom(500), "is damaged or not complete; nothing of it is used"),
        (encrypted(), "is encrypted; save it without a password"),
        (zip_of(bytes(70_000_000)), "unpacks to more than 300 times its size"),
        (gzip.compress(CSV + bytes(70_000_000)), "unpacks to more than 300 times its size"),
        (zip_of(gzip.compress(CSV)), "is packed twice, or is no text; unpack it once"),
        (gzip.compress(gzip.compress(CSV)), "is packed twice, or is no text; unpack it once"),
        (gzip.compress(zip_of(CSV)), "is packed twice, or is no text; unpack it once"),
        (b"BZh91AY", "is packed by bzip2; pack it as .gz or .zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook (.xls) or has a password"),
        (b"PAR1\0", 'is Parquet; set source.kind = "parquet"'),
    ],
)
def test_a_packed_file_that_cannot_be_read_to_its_end_stops_the_run(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    written(tmp_path / "good.csv", CSV)
    source = files(written(tmp_path / "orders.csv.gz", content).with_name("*"))

    with pytest.raises(SourceError) as refused:
        read(source)
    assert not isinstance(refused.value, NotAnExport)
    assert str(refused.value).startswith(f"orders.csv.gz {sentence}")


def test_an_archive_without_files_is_empty(tmp_path: Path) -> None:
    with pytest.raises(NotAnExport, match="is an empty archive"):
        files(written(tmp_path / "orders.zip", zipped({}))).check()


def test_an_owner_file_that_excel_leaves_is_no_export(tmp_path: Path) -> None:
    written(tmp_path / "~$orders.xlsx", b"\5Ida")
    written(tmp_path / "orders.csv", CSV)
    source = files(tmp_path / "*")

    assert (len(read(source)), source.refused_files()) == (1, [])
