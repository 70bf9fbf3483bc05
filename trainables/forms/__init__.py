"""Forms: head, loss, decoding and metric of each shape of task, each in one home."""

from trainables.forms.base import Form
from trainables.forms.classification import Classification

FORMS: dict[str, Form] = {"classification": Classification()}
"""Form name -> its behaviour. A new form is one file and one entry."""

__all__ = ["FORMS", "Form"]
