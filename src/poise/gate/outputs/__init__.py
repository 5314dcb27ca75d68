"""A verdict in every form that pipelines read; none of them says what another does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from poise.gate.outputs.attestation import attestation, result_statement, summary_statement
from poise.gate.outputs.gitlab import code_quality
from poise.gate.outputs.junit import junit
from poise.gate.outputs.sarif import GITHUB, WHOLE, write_sarif
from poise.gate.outputs.summary import summary
from poise.gate.page import page
from poise.gate.policy import Policy
from poise.gate.setting import Judged
from poise.gate.verdict import Verdict, encode
from poise.ledger.keys import SigningKey

#: The files, in the order in which they are written.
FILES = (
    "verdict.json",
    "verdict.txt",
    "summary.md",
    "junit.xml",
    "gl-code-quality.json",
    "attestation.json",
    "attestation-svr.json",
    "all.sarif",
    "github.sarif",
)


def write_outputs(
    folder: Path, verdict: Verdict, policy: Policy, judged: Judged, key: SigningKey | None = None
) -> tuple[Path, ...]:
    """Write the verdict in every form, and return the files.

    Parameters
    ----------
    folder
        Made if it is missing; files of these names are replaced.
    judged
        What was judged, for the SARIF files, which read the reports again.
    key
        Signs the attestations; without one they are written unsigned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], bytes]] = {
        "verdict.json": lambda: encode(verdict),
        "verdict.txt": lambda: page(verdict, policy).encode(),
        "summary.md": lambda: summary(verdict, policy),
        "junit.xml": lambda: junit(verdict),
        "gl-code-quality.json": lambda: code_quality(verdict),
        "attestation.json": lambda: attestation(summary_statement(verdict), key),
        "attestation-svr.json": lambda: attestation(result_statement(verdict), key),
    }
    written = []
    for name in FILES:
        path = folder / name
        if name in makers:
            path.write_bytes(makers[name]())
        else:
            write_sarif(path, verdict, judged, GITHUB if name == "github.sarif" else WHOLE)
        written.append(path)
    return tuple(written)
