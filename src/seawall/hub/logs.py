"""What keeps secrets out of the logs. Imports nothing of Django's, since the settings name it before Django is set up."""

from __future__ import annotations

import logging
import re

SECRET_PATHS = re.compile(r"(/report/follow/|/notice/)[^/\s?\"']+")


class WithoutSecretLinks(logging.Filter):
    """Takes the secret out of a reporter's link, and of one for somebody whose post was referred, wherever a message names the path:
    refused methods, 404s, CSRF failures, errors.

    Whoever reads the logs would otherwise hold the key to a report, or to a notice.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = SECRET_PATHS.sub(r"\1…", message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        return True
