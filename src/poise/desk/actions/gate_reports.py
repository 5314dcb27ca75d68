"""What pipelines hand in: verdicts, and histories of tests."""

from __future__ import annotations

import gzip
import hashlib
from datetime import timedelta
from typing import Final

import msgspec

from poise.desk.actions.base import Actor, action
from poise.desk.models import DeliveryVerdict, DeployLog, TestHistory
from poise.errors import DeskError, Fault, PolicyError
from poise.gate.fourkeys import parse_log
from poise.gate.intake import read_verdict_bytes
from poise.gate.testplan import parse_history, plan_tests

#: How far a pipeline's clock may be ahead of the desk's.
MOST_AHEAD: Final = timedelta(minutes=10)


@action("gate.report")
def take_verdict(by: Actor, content: bytes) -> tuple[DeliveryVerdict, bool]:
    """Keep a verdict; return its row, and whether it is new. The same bytes are kept once.

    Raises
    ------
    PolicyError
        E613 for what is no verdict, or one of a time ahead: it would stay the last one for as long.
    """
    verdict = read_verdict_bytes(content, "verdict")
    if verdict.now > by.now + MOST_AHEAD:
        text = f"It was judged at {verdict.now.isoformat()}, which lies ahead."
        raise PolicyError(Fault("E613", "verdict", text, "Set the clock of the pipeline's machine."))
    budget = verdict.budget
    return DeliveryVerdict.objects.get_or_create(
        sha256=hashlib.sha256(content).hexdigest(),
        defaults={
            "service": verdict.service,
            "commit": verdict.commit.lower(),
            "decision": verdict.decision,
            "judged": verdict.now,
            "received": by.now,
            "policy_digest": verdict.policy_digest,
            "num_block": verdict.counts.get("block", 0),
            "num_warn": verdict.counts.get("warn", 0),
            "num_new": verdict.new,
            "by_us": budget.rate_by_us if budget else 0.0,
            "without_fix": budget.rate_without_fix if budget else 0.0,
            "content": gzip.compress(content, mtime=0),
            "by": by.user,
        },
    )


@action("gate.report")
def take_tests(by: Actor, service: str, content: bytes, minutes: float) -> TestHistory:
    """Take the history of a service's tests and plan which of them run inline.

    Raises
    ------
    PolicyError
        E807 for what is no history of tests.
    DeskError
        E878 for minutes that are none, or a service without a name.
    """
    if not 0 < minutes < 10**5 or not 1 <= len(service) <= 80:
        raise DeskError(Fault("E878", "minutes", f"are {minutes:g}; expected 0 to 100,000."))
    assert by.user is not None  # nobody uploads but people
    plan = plan_tests(parse_history(content, "history"), minutes)
    row, _ = TestHistory.objects.update_or_create(
        service=service,
        defaults={
            "minutes": minutes,
            "content": content,
            "plan": msgspec.to_builtins(plan),
            "changed": by.now,
            "by": by.user,
        },
    )
    by.record("gate.tests", {"service": service, "sha256": hashlib.sha256(content).hexdigest()})
    return row


@action("gate.report")
def take_log(by: Actor, service: str, name: str, content: bytes) -> DeployLog:
    """Take the log of a service's deployments, in place of the one before.

    Raises
    ------
    PolicyError
        E807 for what is no such log.
    DeskError
        E878 for a service without a name.
    """
    if not 1 <= len(service) <= 80:
        raise DeskError(Fault("E878", "service", "has no name of 1 to 80 characters."))
    assert by.user is not None  # nobody uploads but people
    name = name.strip()[:200] or "deployments"
    try:
        deployments = parse_log(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise PolicyError(Fault("E807", name, f"The text is wrongly encoded: {error}.")) from error
    row, _ = DeployLog.objects.update_or_create(
        service=service,
        defaults={
            "name": name,
            "content": gzip.compress(content, mtime=0),
            "changed": by.now,
            "by": by.user,
        },
    )
    digest = hashlib.sha256(content).hexdigest()
    by.record("gate.deployments", {"service": service, "deployments": len(deployments), "sha256": digest})
    return row
