"""The pages on which a person decides whose an account is: choose one, or manage it no more."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from provisioning import ownership, wording
from provisioning.admin.confirming import Question
from provisioning.models import Account
from provisioning.ownership import Candidate, Refused

_CONFIRMED = "confirmed"


class ChoiceForm(forms.Form):
    """Which account there, by the id that the application gives it."""

    remote_id = forms.CharField(
        label="Id of the account there",
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="The id that the application itself gives the account, not the user name. Its "
        "own pages show it, often at the end of their address.",
    )


def choose(model_admin: ModelAdmin, request: HttpRequest, key: int) -> HttpResponse:
    """What matches is listed; what is chosen is looked at there and shown before it is linked."""
    account = _account(key)
    form = ChoiceForm(request.POST or None)
    chosen: Candidate | None = None
    problem = ""
    try:
        if form.is_valid():
            remote_id = form.cleaned_data["remote_id"]
            if _CONFIRMED in request.POST:
                by = request.user.get_username()
                ownership.relink(account, remote_id, by=by, confirmed=True)
                return _done(model_admin, request, account, "It is linked, and follows in seconds.")
            chosen = ownership.look(account, remote_id)
        matching = [] if form.is_bound else ownership.candidates(account)
    except Refused as error:
        problem, matching = str(error), []
    context = {
        **_context(model_admin, request, account),
        "title": f"Choose the account of {account.identifier} in {account.app}",
        "form": form,
        "problem": problem,
        "chosen": _shown(chosen) if chosen else None,
        "matching": [_shown(each) for each in matching],
        "confirmed": _CONFIRMED,
    }
    return TemplateResponse(request, "provisioning/choose_account.html", context)


def forget(model_admin: ModelAdmin, request: HttpRequest, key: int) -> HttpResponse:
    """Asks, and has the account managed no more."""
    account = _account(key)
    app = account.app
    question = Question(
        action="",
        title=f"Stop managing the account of {account.identifier} in {app}?",
        button="Yes, stop managing it",
        sentences=[
            f"Nothing is sent: whatever is in {app} stays there as it is, and whoever uses it "
            "keeps access.",
            "It is not switched off when the person leaves, and the certificate says so.",
            "No new account is made for the person until somebody chooses one or presses “Manage "
            "again”.",
        ],
    )
    return _asked(model_admin, request, account, question, ownership.forget)


def manage_again(model_admin: ModelAdmin, request: HttpRequest, key: int) -> HttpResponse:
    """Asks, and takes up an account that was forgotten."""
    account = _account(key)
    question = Question(
        action="",
        title=f"Manage the account of {account.identifier} in {account.app} again?",
        button="Yes, manage it again",
        sentences=[
            f"{account.app} is asked for an account of this person. One that matches is adopted; "
            "if there is none and they are to have one, it is created."
        ],
    )
    return _asked(model_admin, request, account, question, ownership.manage_again)


def _asked(
    model_admin: ModelAdmin, request: HttpRequest, account: Account, question: Question, do: Any
) -> HttpResponse:
    if request.method == "POST":
        try:
            do(account, by=request.user.get_username())
        except Refused as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(_address(account))
        return _done(model_admin, request, account, "Done.")
    context = {
        **_context(model_admin, request, account),
        "title": question.title,
        "question": question,
        "names": [account.identifier],
    }
    return TemplateResponse(request, "provisioning/confirm.html", context)


def _account(key: int) -> Account:
    # The buttons ask whether the operator may.
    return get_object_or_404(Account.objects.select_related("app", "user__manager"), pk=key)


def _context(model_admin: ModelAdmin, request: HttpRequest, account: Account) -> dict[str, Any]:
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "account": account,
        "back": _address(account),
    }


def _done(
    model_admin: ModelAdmin, request: HttpRequest, account: Account, said: str
) -> HttpResponse:
    model_admin.log_change(request, account, said)
    messages.success(request, said)
    return HttpResponseRedirect(_address(account))


def _address(account: Account) -> str:
    return reverse("admin:provisioning_account_change", args=[account.pk])


def _shown(candidate: Candidate) -> dict[str, Any]:
    there = candidate.there
    return {
        "remote_id": there.remote_id,
        "state": "switched on" if there.active else "switched off",
        "values": [
            (path, wording.shown(value)) for path, value in sorted(candidate.values.items())
        ],
        "objections": candidate.objections,
    }
