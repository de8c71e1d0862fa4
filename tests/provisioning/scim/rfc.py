"""What RFC 7643 and 7644 show: their 49 documents, and their examples of filters and paths.

The documents are as scim2-models collected them (github.com/python-scim/scim2-models, `samples`,
Apache-2.0, 2026-06), under the name of the section and what they are.
"""

import json
from pathlib import Path
from typing import Any

DOCUMENTS: dict[str, Any] = json.loads(
    Path(__file__).with_name("rfc_documents.json").read_text("utf-8")
)

USER = DOCUMENTS["7643-8.2-user-full"]
ENTERPRISE_USER = DOCUMENTS["7643-8.3-enterprise_user"]
GROUP = DOCUMENTS["7643-8.4-group"]

# RFC 7644 3.4.2.2 and 3.4.3, and whether the full user of RFC 7643 8.2 is as they ask.
FILTERS = {
    'userName eq "bjensen"': False,
    'userName Eq "bjensen@example.com"': True,
    'Username eq "BJensen@Example.com"': True,
    'name.familyName co "O\'Malley"': False,
    'userName sw "J"': False,
    'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"': False,
    'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b"': True,
    "title pr": True,
    'meta.lastModified gt "2011-05-13T04:42:34Z"': False,
    'meta.lastModified ge "2011-05-13T04:42:34Z"': True,
    'meta.lastModified lt "2011-05-13T04:42:34Z"': False,
    'meta.lastModified le "2011-05-13T04:42:34Z"': True,
    'title pr and userType eq "Employee"': True,
    'title pr or userType eq "Intern"': True,
    'schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"': False,
    'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")': True,
    'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")': (
        False
    ),
    'userType eq "Employee" and (emails.type eq "work")': True,
    'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]': True,
    'emails[type eq "work" and value co "@example.com"] or '
    'ims[type eq "xmpp" and value co "@foo.com"]': True,
    'displayName sw "smith"': False,
}

# RFC 7644 3.5.2 (figures 7 to 9) and 3.10.
PLACES = [
    "members",
    "name.familyName",
    'addresses[type eq "work"]',
    'members[value eq "2819c223-7f76-453a-919d-413861904646"]',
    'members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName',
    'emails[type eq "work" and value ew "example.com"]',
    'addresses[type eq "work"].streetAddress',
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
]
