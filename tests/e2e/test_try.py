import os, sys
import pytest
from tests.e2e.conftest import *
from tests.e2e.test_withstand import WITH_A_LIMIT

def test_full(tmp_path_factory, capsys, monkeypatch) -> None:
  out=[]
  for limit in range(100_000, 340_000, 8_000):
   with Sandbox() as sandbox:
    shop = Shop(tmp_path_factory.mktemp("x") / "shop", sandbox, capsys, monkeypatch, Clock(datetime.now(UTC)))
    shop.orders(*(shop.order(str(number)) for number in range(1, 3)))
    said = shop.process("run", "--json", through=[sys.executable, "-c", WITH_A_LIMIT, str(limit)])
    out.append((limit, said.code, said.err[:60], shop.requests(), [(p.name,p.stat().st_size) for p in (shop.home/"var").iterdir()], shop.tail.exists()))
  print(*out, sep="\n")
  assert 0
