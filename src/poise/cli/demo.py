"""``poise demo``: the main job on the sample company."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise demo`` to the command line."""
    from poise.cli.plan import count, positive, seed

    parser = subparsers.add_parser(
        "demo",
        help="plan the patches of a sample company",
        description="Writes a sample company (fictional estate, real vulnerabilities, reports in real "
        "scanner formats) and plans its patches, as poise plan does on your own files.",
    )
    parser.add_argument("--out", default="demo", metavar="DIR", help="where everything goes (default: demo)")
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="of the company and of the solver (0)"
    )
    parser.add_argument("--points", type=count, default=31, metavar="N", help="plans on the frontier (31)")
    parser.add_argument("--seconds", type=positive, metavar="S", help="limit of the solver")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise demo``."""
    from pathlib import Path

    from poise.cli import main
    from poise.sample import NOW, write_sample
    from poise.sample.feeds import fill_store

    out = Path(arguments.out)
    sample = write_sample(out / "company", seed=arguments.seed)
    fill_store(out / "company" / "threats")
    command = ["plan", "--scans", *map(str, sample.reports), "--estate", str(sample.estate)]
    command += ["--threats", str(out / "company" / "threats"), "--now", NOW.isoformat(), "--out", str(out)]
    command += ["--seed", str(arguments.seed), "--points", str(arguments.points)]
    if arguments.seconds is not None:
        command += ["--seconds", str(arguments.seconds)]
    print(f"The sample company is in {out / 'company'}; this plans it:")
    print(f"  poise plan --scans {out / 'company' / 'reports'}/* --estate {sample.estate} \\")
    print(f"    --threats {out / 'company' / 'threats'} --now {NOW.isoformat()} --out {out}\n", flush=True)
    code = main(command)
    if code == 0:
        print(f"\nOpen {(out / 'report.html').resolve().as_uri()}")
    return code
