"""Extracts of the Brazilian site in `tests/sites/brazil`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

BRAZIL = Path(__file__).parents[1] / "sites" / "brazil"
SATURDAY, SUNDAY = date(2026, 1, 3), date(2026, 1, 4)
#: Doubled names, doubled and trailing spaces, as the administrator writes them.
_HEADER = (
    "Bilhete;Seq;Telefone;Operadora;Rede;Operadora ;Rede;Tipo de  Linha;Situação;Motivo;"
    "Data Solicitação;Data  Situação;Data Janela;Lote\r\n"
)


def _ports(day: date, count: int, donor: str, recipient: str, first: int) -> str:
    """Ports requested and completed on one day."""
    rows = []
    for n in range(first, first + count):
        number, stamp = f"(11) 9{n:04}-5678", f"{day:%d/%m/%Y} 10:00"
        both = f"{donor};{donor};{recipient};{recipient};Móvel"
        rows.append(f"B{n};1;{number};{both};Solicitada;;{stamp};{stamp}:00;;L1\r\n")
        rows.append(f"B{n};2;{number};{both};Concluída;;{stamp};{stamp}:30;{day:%d/%m/%Y};L1\r\n")
    return "".join(rows)


def _drop(landing: Path, feed: str, day: date, content: bytes) -> None:
    folder = landing / feed / f"dt={day}"
    folder.mkdir(parents=True)
    (folder / "relatorio.csv").write_bytes(content)


def drop_extracts(landing: Path) -> None:
    """30 numbers go from Claro to Vivo on Saturday; on Sunday 12 from Claro to Tim, 5 from Vivo to Claro; a refund."""
    moved = _ports(SUNDAY, 12, "CLARO", "TIM", 100) + _ports(SUNDAY, 5, "VIVO", "CLARO", 200)
    for day, rows in ((SATURDAY, _ports(SATURDAY, 30, "CLARO", "VIVO", 0)), (SUNDAY, moved)):
        _drop(landing, "portability_events", day, (_HEADER + rows).encode("cp1252"))
    header = "Protocolo\tSeq\tCompra\tSituação\tValor Estornado\tData\n"
    dispute = header + "D1\t1\tP1\tProcedente\t1.234,56\t04/01/2026 10:00:00\n"
    _drop(landing, "payment_disputes", SUNDAY, dispute.encode("utf-16"))
