"""Answers /metrics: the numbers that Prometheus collects, all of them read from the database.

So they are right with any number of processes, and go on after a restart: docs/decisions/0011.
"""

import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from provisioning import heartbeat, tally, version, webhook_setup
from provisioning.models import Account, App, Decision, Guard, Hold, Webhook

_OF_WEBHOOKS = {
    "waiting": "Events that wait to be delivered to the webhook.",
    "given_up": "Events that were given up and wait for a person.",
    "failing": "1 while the webhook's receiver does not take what comes.",
}
_GAUGES = {
    "accounts_due": "Accounts to be looked at now, without those that wait for a decision.",
    "oldest_due_seconds": "How long the account that has waited longest is due; 0 if none is.",
    "lane_stopped": "1 while nothing is sent because the app failed or asked for a rest.",
    "app_paused": "1 while an administrator has the app paused.",
    "holds_waiting": "Removals that wait under Holds for a decision.",
}


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """For an operator who is signed in, and for whoever has the token from the settings."""
    if not (_has_token(request) or admin.site.has_permission(request)):
        text = "Sign in, or send the token from GATEHOUSE_METRICS_TOKEN as a bearer token.\n"
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(text, status=401, content_type="text/plain", headers=headers)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(_Numbers()), content_type=content_type)


def _has_token(request: HttpRequest) -> bool:
    wanted: str = settings.METRICS_TOKEN
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not wanted or scheme.casefold() != "bearer":
        return False
    # Takes as long for a guess that is nearly right as for any other.
    return hmac.compare_digest(token.strip().encode(), wanted.encode())


class _Numbers(Collector):
    """Five queries, however many people, accounts and events there are."""

    def collect(self) -> Iterator[Metric]:
        apps = _apps()
        for name, explanation in _GAUGES.items():
            gauge = GaugeMetricFamily(f"gatehouse_{name}", explanation, labels=["app"])
            for app in apps:
                gauge.add_metric([app["name"]], app[name])
            yield gauge
        yield from _of_webhooks()
        yield _pushes(apps)
        yield _latency(apps)
        yield GaugeMetricFamily(
            "gatehouse_workers", "Workers heard of in the last minute.", value=heartbeat.alive()
        )
        yield InfoMetricFamily("gatehouse_build", "What runs here.", {"version": version.current()})


def _apps() -> list[dict[str, Any]]:
    """Name, tally and gauges of every app."""
    now = timezone.now()
    accounts = Account.objects.filter(due_at__lte=now).exclude(guard=Guard.HELD)
    rows = accounts.values_list("app").annotate(count=Count("pk"), oldest=Min("due_at")).order_by()
    due = {app: (count, (now - oldest).total_seconds()) for app, count, oldest in rows}
    held = Hold.objects.filter(decision=Decision.WAITING).values_list("app")
    holds = dict(held.annotate(count=Count("pk")).order_by())
    apps = []
    for app in App.objects.values(
        "pk",
        "name",
        "paused",
        *(f"lane__{name}" for name in ("problem", "rests", "tally")),
        "lane__paused_until",
    ):
        count, seconds = due.get(app["pk"], (0, 0.0))
        until = app["lane__paused_until"]
        stopped = app["lane__problem"] or app["lane__rests"] or (until and until > now)
        apps.append(
            {
                "name": app["name"],
                "tally": app["lane__tally"] or {},
                "accounts_due": count,
                "oldest_due_seconds": seconds,
                "lane_stopped": int(bool(stopped)),
                "app_paused": int(app["paused"]),
                "holds_waiting": holds.get(app["pk"], 0),
            }
        )
    return apps


def _of_webhooks() -> Iterator[Metric]:
    webhooks: Any = webhook_setup.counted(Webhook.objects.all())  # with what it has added
    rows = [(each.name, {**vars(each), "failing": int(bool(each.problem))}) for each in webhooks]
    for name, explanation in _OF_WEBHOOKS.items():
        gauge = GaugeMetricFamily(f"gatehouse_webhook_{name}", explanation, labels=["webhook"])
        for webhook, numbers in rows:
            gauge.add_metric([webhook], numbers[name])
        yield gauge


def _pushes(apps: list[dict[str, Any]]) -> Metric:
    family = CounterMetricFamily(
        "gatehouse_pushes",
        "What was done to accounts: one for each row of the provisioning report.",
        labels=["app", "operation", "outcome"],
    )
    for app in apps:
        for operation, outcome, count in tally.operations(app["tally"]):
            family.add_metric([app["name"], operation, outcome], count)
    return family


def _latency(apps: list[dict[str, Any]]) -> Metric:
    family = HistogramMetricFamily(
        "gatehouse_push_latency_seconds",
        "From the commit of a change to its recorded effect in the app.",
        labels=["app"],
    )
    for app in apps:
        buckets, total = tally.latency(app["tally"])
        family.add_metric([app["name"]], buckets, total)
    return family
