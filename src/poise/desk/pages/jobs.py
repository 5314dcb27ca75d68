"""Work: what the worker is doing, has done, and could not do."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from poise.desk import found, live
from poise.desk.actions import Actor, work
from poise.desk.models import Job
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need


def show(request: DeskRequest, job_id: int) -> HttpResponse:
    """Show one job; its fragment follows it until it is over."""
    job = get_object_or_404(Job, pk=job_id)
    version = f"{job.state}{job.done}{job.step}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    name = "desk/_job.html" if request.htmx else "desk/job.html"
    may_retry = job.state == Job.State.FAILED and may(request.user.role, "work.retry")
    context = {
        "job": job,
        "version": version,
        "facts": found.facts(job, request.actor.now),
        "may_retry": may_retry,
    }
    return render(request, name, context)


def retry(request: DeskRequest, job_id: int) -> HttpResponse:
    """Have a failed job tried again."""
    job = get_object_or_404(Job, pk=job_id)
    work.retry(request.actor, job)
    messages.success(request, f"{job.title} waits for the worker again.")
    return redirect("job", job.pk)


def index(request: DeskRequest) -> HttpResponse:
    """List the newest jobs."""
    return render(request, "desk/jobs.html", {"jobs": Job.objects.select_related("by").order_by("-id")[:100]})


def needs(by: Actor) -> Iterator[Need]:
    """Yield this person's newest job, when it failed."""
    job = Job.objects.filter(by=by.user).order_by("-id").first() if by.user else None
    if job is not None and job.state == Job.State.FAILED:
        yield Need(f"{job.title} failed; see why.", reverse("job", args=[job.pk]))


URLS = [
    page("work", index, "jobs", "desk.read"),
    page("work/<int:job_id>", show, "job", "desk.read"),
    page("work/<int:job_id>/again", retry, "job-again", "work.retry", ("POST",)),
]
