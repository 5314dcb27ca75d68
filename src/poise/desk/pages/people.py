"""People: who may sign in, and as what."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from poise.desk.actions import Actor, people
from poise.desk.models import User
from poise.desk.navigation import Entry
from poise.desk.permissions import PERMISSIONS, ROLES, may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need


def show(request: DeskRequest) -> HttpResponse:
    """List people, and let one in."""
    rows = [(one, [role in one.roles for role in ROLES]) for one in PERMISSIONS]
    return render(request, "desk/people.html", {"people": User.objects.all(), "roles": ROLES, "rows": rows})


def admit(request: DeskRequest) -> HttpResponse:
    """Let somebody in."""
    given = request.POST
    user = people.admit(
        request.actor,
        given.get("username", ""),
        given.get("password", ""),
        given.get("role", ""),
        given.get("name", ""),
        given.get("email", ""),
    )
    messages.success(request, f"{user.shown} can sign in now.")
    return redirect("people")


def new_password(request: DeskRequest) -> HttpResponse:
    """Give somebody a new first password."""
    given = request.POST
    user = people.new_password(request.actor, given.get("username", ""), given.get("password", ""))
    messages.success(request, f"{user.shown} has a new password; every session of theirs is over.")
    return redirect("people")


def give_role(request: DeskRequest, username: str) -> HttpResponse:
    """Give somebody another role."""
    user = get_object_or_404(User, username=username)
    people.give_role(request.actor, user, request.POST.get("role", ""))
    messages.success(request, f"{user.shown} has another role now.")
    return redirect("people")


def needs(by: Actor) -> Iterator[Need]:
    """Yield who waits for a role."""
    if may(by.role, "people.manage"):
        for user in User.objects.filter(role="", is_active=True)[:5]:
            yield Need(f"{user.shown} has signed in and waits for a role.", reverse("people"))


SENTENCES = {
    "person.admitted": "let {person} in as {role}",
    "person.password": "gave {person} a new first password",
    "person.role": "changed the role of {person} from {before} to {after}",
}
URLS = [
    page("people", show, "people", "people.manage"),
    page("people/admit", admit, "people-admit", "people.manage", ("POST",)),
    page("people/password", new_password, "people-password", "people.manage", ("POST",)),
    page("people/<str:username>/role", give_role, "people-role", "people.manage", ("POST",)),
]
NAV = (Entry("People", "people", "people.manage", "people"),)
