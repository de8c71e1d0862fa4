from provisioning.configuration import applying, stored, writing
from provisioning.configuration.reading import read
from provisioning.models import *
from iam.models import *
from tests.conftest import MakeApp

def test_try(app, ann, push):
    ProfileAttribute.objects.get_or_create(key="custom_attribute_1", defaults={"label":"C"})
    App.objects.update(paused=False)
    text = writing.as_text(stored.exported())
    print(text)
    d = read(text.encode())
    p = applying.plan(d)
    print(p)
    assert not p.changes
    Policy.objects.all().delete(); App.objects.all().delete(); Group.objects.all().delete(); ProfileAttribute.objects.all().delete()
    p = applying.plan(d)
    print([str(x) for x in p.problems], p.consequences)
    assert not App.objects.exists()
    applying.apply(d, confirmed=p.fingerprint)
    assert writing.as_text(stored.exported()) == text
