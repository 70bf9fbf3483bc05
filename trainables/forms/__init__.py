"""Forms: head, loss, decoding of each shape of task, each in one home.

Metrics are in ``spaces/metrics``, because analysis needs them without torch.
"""

from trainables.forms.base import Features, Form, JointForm, RowForm, flaws
from trainables.forms.choice import Choice
from trainables.forms.classification import Classification
from trainables.forms.masked import Captions, Masked
from trainables.forms.retrieval import Retrieval
from trainables.forms.span import Span
from trainables.forms.tagging import Tagging

FORMS: dict[str, Form] = {
    "classification": Classification(),
    "choice": Choice(),
    "tagging": Tagging(),
    "span": Span(),
    "retrieval": Retrieval(),
    "masked": Masked(),
    "captions": Captions(),
}
"""Form name -> its behaviour. A new form is one file and one entry."""

__all__ = ["FORMS", "Features", "Form", "JointForm", "RowForm", "flaws"]
