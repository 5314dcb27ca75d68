"""Work: what the worker is doing, has done, and could not do."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from poise.desk import live
from poise.desk.models import Job
from poise.desk.routes import DeskRequest, page


def show(request: DeskRequest, job_id: int) -> HttpResponse:
    """Show one job; its fragment follows it until it is over."""
    job = get_object_or_404(Job, pk=job_id)
    version = f"{job.state}{job.done}{job.step}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    name = "desk/_job.html" if request.htmx else "desk/job.html"
    return render(request, name, {"job": job, "version": version})


def index(request: DeskRequest) -> HttpResponse:
    """List the newest jobs."""
    return render(request, "desk/jobs.html", {"jobs": Job.objects.select_related("by").order_by("-id")[:100]})


URLS = [
    page("work", index, "jobs", "desk.read"),
    page("work/<int:job_id>", show, "job", "desk.read"),
]
