"""The addresses of the reports that are not pages of the admin. /healthz is in `health`."""

from django.urls import path

from reports import metrics

urlpatterns = [path("metrics", metrics.page)]
