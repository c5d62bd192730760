"""One slim card above the plots: what a training will take and has to beat, later how the forecast did."""

from __future__ import annotations

from PySide6.QtCore import Signal

from vgg_studio.app.outlook_words import View
from vgg_studio.app.widgets import Card, Label, PlainButton, column, row
from vgg_studio.core.language import _

HEIGHT = 60  # px: of two lines or a button, whichever of the cards in this place is shown


class OutlookCard(Card):
    """Two lines and a button for the quick look. Hidden where there is nothing to say."""

    look_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=11)
        self.box.setContentsMargins(15, 11, 15, 11)
        self.setMinimumHeight(HEIGHT)
        self.takes, self.says = Label(role="strong", wrap=True), Label(tone="muted", wrap=True)
        self.button = PlainButton()
        line = row(column(self.takes, self.says, spacing=0), self.button, spacing=16)
        line.setStretch(0, 1)
        self.box.addLayout(line)
        self.view = View()
        self._gives_way = False
        self.button.clicked.connect(self._press)

    def show_view(self, view: View) -> None:
        """Show what there is to say."""
        if view != self.view:
            self.view = view
            self.retranslate()
        self._show()

    def give_way(self, wanted: bool) -> None:
        """Leave the place to another card."""
        self._gives_way = wanted
        self._show()

    def _show(self) -> None:
        self.setVisible(bool(self.view.takes or self.view.says) and not self._gives_way)

    def retranslate(self) -> None:
        """Words anew."""
        view = self.view
        self.takes.setText(view.takes)
        self.says.setText(view.says)
        self.says.setVisible(view.two or bool(view.says))
        self.says.set_tone("bad" if view.failed else "muted")
        self.button.setVisible(bool(view.offers))
        if view.offers:
            self.button.setText(_("Stop") if view.offers == "stop" else _("Quick look"))
            self.button.setFixedWidth(self.button.width_for((_("Stop"), _("Quick look"))))
            self.button.setToolTip(
                _("Looks once at each picture and tells how many one new layer on the network names right.")
            )

    def _press(self) -> None:
        (self.stop_wanted if self.view.offers == "stop" else self.look_wanted).emit()
