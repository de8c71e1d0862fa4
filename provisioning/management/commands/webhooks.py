"""manage.py webhooks: how they stand; try one, or send events to it again."""

from typing import Any

from django.core.management.base import CommandParser

from provisioning import webhook_queue, webhook_setup
from provisioning.management import answering
from provisioning.management.answering import DONE, FAILED, WAITS
from provisioning.models import DeliveryState, Webhook
from provisioning.webhook_forms import TimespanForm

_LIST, _TEST, _REPLAY = "list", "test", "replay"
_FIELDS = {"after": "--from", "before": "--to"}


class Command(answering.Command):
    help = (
        "List the webhooks with their state, send a test to one, or send events to it again. Ends "
        "with 0 if all is well or it was done, with 1 if the test failed, with 3 if nothing gets "
        "through to one or events were given up, with 2 if the command was given in the wrong way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            nargs="?",
            default=_LIST,
            choices=[_LIST, _TEST, _REPLAY],
            help="list all, send a test to one, or replay: send events to it again (list)",
        )
        parser.add_argument("webhook", nargs="?", help="the webhook's name")
        parser.add_argument("--given-up", action="store_true", help="all that were given up")
        parser.add_argument("--from", metavar="TIME", help="2026-11-25 or 2026-11-25T08:00")
        parser.add_argument("--to", metavar="TIME", help="the same; a day is meant with its end")

    def answer(self, options: dict[str, Any]) -> int:
        what, name = options["what"], options["webhook"]
        if (what == _LIST) == bool(name):
            raise answering.wrong(
                "“list” takes no name, the others need the name of a webhook: webhooks test Tickets"
            )
        if what == _LIST:
            return self._list()
        webhook = _named(name)
        return self._test(webhook) if what == _TEST else self._replay(webhook, options)

    def _list(self) -> int:
        waits = False
        webhook: Any  # with what `counted` has added
        for webhook in webhook_setup.counted(Webhook.objects.all()):
            told = _document(webhook)
            self.give(told)
            self.say(
                f"{told['webhook']}: {told['state']}, {told['waiting']:,} waiting, "
                f"{told['given_up']:,} given up."
                + (f" {told['problem']}" if told["problem"] else "")
            )
            waits = waits or bool(told["problem"] or told["given_up"])
        if not Webhook.objects.exists():
            self.say("There is no webhook yet. Add one under Webhooks.")
        return WAITS if waits else DONE

    def _test(self, webhook: Webhook) -> int:
        worked, sentence = webhook_setup.send_test(webhook)
        self.give({"webhook": webhook.name, "worked": worked, "message": sentence})
        self.say(sentence)
        return DONE if worked else FAILED

    def _replay(self, webhook: Webhook, options: dict[str, Any]) -> int:
        if options["given_up"] == bool(options["from"] or options["to"]):
            raise answering.wrong("Say --given-up, or give --from and perhaps --to.")
        if options["given_up"]:
            given_up = webhook.deliveries.filter(state=DeliveryState.GIVEN_UP)
            count = webhook_queue.replay(given_up)
        else:
            count = _timespan(webhook, options)
        self.give({"webhook": webhook.name, "waiting": count})
        self.say(f"{count:,} wait to be sent again; a worker sends them now.")
        return DONE


def _timespan(webhook: Webhook, options: dict[str, Any]) -> int:
    form = TimespanForm({"after": options["from"] or "", "before": options["to"] or ""})
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise answering.wrong(f"{_FIELDS.get(field, 'The time')}: {errors[0]}")
    after, before = form.cleaned_data["after"], form.cleaned_data["before"]
    try:
        return webhook_queue.replay_events(webhook, since=after, until=before)
    except ValueError as error:
        raise answering.wrong(str(error)) from error


def _named(name: str) -> Webhook:
    found = Webhook.objects.filter(name=name).first()
    if found is None:
        raise answering.none_named("webhook", name, Webhook.objects.all())
    return found


def _document(webhook: Any) -> dict[str, Any]:
    on = "failing" if webhook.problem else "working"
    return {
        "webhook": webhook.name,
        "state": on if webhook.enabled else "switched off",
        "waiting": webhook.waiting,
        "given_up": webhook.given_up,
        "problem": webhook.problem,
    }
