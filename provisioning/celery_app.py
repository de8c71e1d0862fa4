"""The Celery app: what its messages may be and how they travel. Its tasks are in tasks.py.

Imported only by Celery itself and where a broker is set, so nobody else needs Celery.
"""

import os

from celery import Celery
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Celery is started by its own command, which knows nothing of the project.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam.settings")

DISPATCH_EVERY = 1.0
COMPARE_EVERY = 5.0
SWEEP_EVERY = 60.0
# Nobody misses a message that was not read in time: the next one says the same. So what piles up
# while no worker runs is thrown away unread.
EXPIRES = 30.0

if not settings.BROKER_URL:
    raise ImproperlyConfigured(
        "Set GATEHOUSE_BROKER_URL to the address of Redis or RabbitMQ before Celery is started."
    )

app = Celery("gatehouse", broker=settings.BROKER_URL)
app.conf.update(
    imports=["provisioning.tasks"],
    task_default_queue="gatehouse",
    # A result is a row in the database, and nothing else is one.
    task_ignore_result=True,
    accept_content=["json"],
    # Threads share the connections to an application, and its token. One lane each, as in
    # provisioning/worker.py, and no message is taken that another worker could do now.
    worker_pool="threads",
    worker_concurrency=16,
    worker_prefetch_multiplier=1,
    # Whoever reaches the broker can ask for work, not stop workers or look into them.
    worker_enable_remote_control=False,
    # The log is Django's, in the format that was chosen and with secrets kept out.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # With it, Celery talks to RabbitMQ from two threads at once after a lost connection. Either can
    # take the answer meant for the other, and the worker hangs until it is killed.
    worker_enable_prefetch_count_reduction=False,
    # In memory: the worker needs no folder to write to.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        name: {"task": f"provisioning.tasks.{name}", "schedule": every, "options": {"expires": at}}
        for name, every, at in [
            ("dispatch", DISPATCH_EVERY, EXPIRES),
            ("compare", COMPARE_EVERY, EXPIRES),
            ("sweep", SWEEP_EVERY, SWEEP_EVERY),
        ]
    },
)
if settings.BROKER_URL.startswith(("redis", "rediss")):
    # Without these a connection that broke silently would be waited for without end.
    app.conf.broker_transport_options = {"socket_connect_timeout": 5, "socket_timeout": 15}
