"""Asks which layers of a network shall be saved as a file of their own."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.fields import Choice
from vgg_studio.app.form_rows import Field
from vgg_studio.app.widgets import Label, PlainButton, PrimaryButton, column, row
from vgg_studio.core import layer_words
from vgg_studio.core.inspect_events import LayerFact, NetworkInspected
from vgg_studio.core.language import _, ngettext

WIDTH, FIELD_WIDTH = 440, 240


class PartDialog(Dialog):
    """`agreed` carries the keys of the first and the last layer. At first it is all convolutions."""

    agreed = Signal(str, str)

    def __init__(self, event: NetworkInspected, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Save a part"))
        self._event = event
        self._layers = [layer for layer in event.layers if layer.key]
        self.first, self.last = Choice(), Choice()
        names = [(_name(layer), layer.key) for layer in self._layers]
        self.headline, self.counted = Label(_("Save a part of it"), "title"), Label(tone="muted", wrap=True)
        self.back, self.save = PlainButton(_("Cancel")), PrimaryButton(_("Choose a file…"))
        self._fields = [Field(self.first), Field(self.last)]
        for field, choice, words in zip(
            self._fields, (self.first, self.last), (_("First layer"), _("Last layer")), strict=True
        ):
            field.set_words(words)
            choice.fill(list(names))
            choice.setFixedWidth(FIELD_WIDTH)
            choice.currentIndexChanged.connect(self._count)
        self.last.choose(_end_of_blocks(self._layers))
        self.note = Label(
            _("The tensors keep their names, so other programs find them where they expect them."),
            tone="muted",
            wrap=True,
        )
        self.back.clicked.connect(self.reject)
        self.save.clicked.connect(self._agree)
        self._lay_out()
        self._count()

    def _lay_out(self) -> None:
        space = theme.SPACE[4]
        buttons = row(None, self.back, self.save)
        fields = column(*(field.row for field in self._fields), spacing=12)
        words = column(self.headline, fields, self.counted, self.note, buttons, spacing=12)
        words.setContentsMargins(space, space, space, space)
        self.setLayout(words)
        self.fit(WIDTH)

    def tensors(self) -> list[str]:
        """The names of the tensors of the chosen layers."""
        begin, end = self.first.currentIndex(), self.last.currentIndex()
        keys = {layer.key for layer in self._layers[begin : end + 1]}
        return [fact.name for fact in self._event.tensors if fact.name.rpartition(".")[0] in keys]

    def _count(self) -> None:
        names = set(self.tensors())
        size = sum(fact.bytes for fact in self._event.tensors if fact.name in names)
        if names:
            words = ngettext("{count} tensor, {size}", "{count} tensors, {size}", len(names))
            self.counted.setText(words.format(count=len(names), size=layer_words.size_words(size)))
        else:
            self.counted.setText(_("There are no tensors between these two."))
        self.save.setEnabled(bool(names))

    def _agree(self) -> None:
        self.agreed.emit(self.first.currentData(), self.last.currentData())
        self.accept()


def save_dialog(parent: QWidget, name: str) -> QFileDialog:
    """Asks for the file to write; it deletes itself when it is closed."""
    dialog = QFileDialog(parent, _("Save a part"))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters([_("Weights") + " (*.safetensors *.pth *.pt)"])
    dialog.setDefaultSuffix("safetensors")
    dialog.selectFile(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return dialog


def _name(layer: LayerFact) -> str:
    kind = layer.name or _(layer_words.KINDS.get(layer.kind, layer.kind))
    return _("{layer}, {key}").format(layer=kind, key=layer.key)


def _end_of_blocks(layers: list[LayerFact]) -> str:
    """The last pooling: what comes before it are the features."""
    return [layer.key for layer in layers if layer.kind == "pool"][-1]
