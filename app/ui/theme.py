"""How the window looks: our own palettes on Qt's Fusion style, a small stylesheet, and the text size.

Every color a view needs is in `colors()`, so that a view that paints itself follows the theme
by painting again.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

# Without a family of its own, Chinese text is drawn with the Japanese forms of its characters.
_FAMILIES = (
    "Inter",
    "Segoe UI",
    "SF Pro Text",
    "Cantarell",
    "Noto Sans",
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
)
MONOSPACE = (
    "'JetBrains Mono', 'Cascadia Mono', 'SF Mono', 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
)


@dataclass(frozen=True, slots=True)
class Colors:
    """The colors of one theme, as `#rrggbb`."""

    window: str  # behind the transcript
    sidebar: str
    card: str  # fields, the composer, menus
    bubble: str  # the user's messages
    code: str  # behind code
    text: str
    muted: str  # what is said beside the main thing
    border: str
    hover: str
    selected: str
    accent: str
    on_accent: str
    warning: str
    danger: str
    mark: str  # behind found words


LIGHT = Colors(
    window="#fdfcfa",
    sidebar="#f4f1ec",
    card="#ffffff",
    bubble="#f1ede6",
    code="#f5f2ec",
    text="#24211d",
    muted="#645e55",
    border="#e2dcd2",
    hover="#ebe6dd",
    selected="#e3dcd0",
    accent="#b8480f",
    on_accent="#ffffff",
    warning="#8a5a00",
    danger="#b3261e",
    mark="#ffdf9e",
)
DARK = Colors(
    window="#1d1b19",
    sidebar="#161513",
    card="#262421",
    bubble="#2e2b27",
    code="#262320",
    text="#ece7df",
    muted="#a69e92",
    border="#3b3732",
    hover="#2b2825",
    selected="#38342f",
    accent="#f08a4b",
    on_accent="#24140a",
    warning="#e8b450",
    danger="#f28b82",
    mark="#6b4a12",
)


def is_dark() -> bool:
    """Return whether the window is dark at the moment."""
    return QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def colors() -> Colors:
    """Return the colors of the theme that is shown."""
    return DARK if is_dark() else LIGHT


def scaled_font(factor: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the program's font at `factor` times its size."""
    font = QFont(QApplication.font())
    font.setPointSizeF(max(4.0, font.pointSizeF() * factor))
    font.setWeight(weight)
    return font


class Theme(QObject):
    """Puts the chosen theme and text size on the whole program, at once and while it runs.

    Signals:
        changed: every color or the text size may be another one now
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = "system"
        self._percent = 100
        self._shown: tuple[bool, int] | None = None
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    def show(self, choice: str, percent: int) -> None:
        """Show the theme (`system`, `light` or `dark`) with text at `percent` of the system's size."""
        self._choice, self._percent = choice, percent
        wanted = (self._wants_dark(), percent)
        if wanted == self._shown:
            return
        self._shown = wanted
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        if application.style().name() != "fusion":
            application.setStyle("Fusion")
        chosen = DARK if wanted[0] else LIGHT
        font = _font(application, percent)
        has_other_size = font.pointSizeF() != application.font().pointSizeF()
        application.setFont(font)
        application.setPalette(palette(chosen))
        # widgets that a stylesheet dresses take another font only with a stylesheet
        if has_other_size or application.styleSheet() != stylesheet(chosen):
            application.setStyleSheet(stylesheet(chosen))
        self.changed.emit()

    def _wants_dark(self) -> bool:
        if self._choice == "system":
            return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return self._choice == "dark"

    def _on_system_changed(self) -> None:
        self.show(self._choice, self._percent)


def _font(application: QApplication, percent: int) -> QFont:
    usual = application.property("usual_point_size")
    if usual is None:
        usual = max(10.0, application.font().pointSizeF())
        application.setProperty("usual_point_size", usual)
    font = QFont(application.font())
    own = [] if font.family() in _FAMILIES else [font.family()]
    font.setFamilies(
        [f for f in own if f not in {"Sans Serif", "Helvetica", "sans-serif", ""}] + list(_FAMILIES)
    )
    font.setPointSizeF(float(usual) * percent / 100)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    return font


def palette(c: Colors) -> QPalette:
    """Return the palette of a theme."""
    result = QPalette()
    roles = QPalette.ColorRole
    for role, color in (
        (roles.Window, c.window),
        (roles.WindowText, c.text),
        (roles.Base, c.card),
        (roles.AlternateBase, c.sidebar),
        (roles.Text, c.text),
        (roles.PlaceholderText, c.muted),
        (roles.Button, c.card),
        (roles.ButtonText, c.text),
        (roles.BrightText, c.danger),
        (roles.ToolTipBase, c.card),
        (roles.ToolTipText, c.text),
        (roles.Highlight, c.accent),
        (roles.HighlightedText, c.on_accent),
        (roles.Accent, c.accent),
        (roles.Link, c.accent),
        (roles.LinkVisited, c.accent),
        (roles.Light, c.card),
        (roles.Midlight, c.hover),
        (roles.Mid, c.border),
        (roles.Dark, c.border),
        (roles.Shadow, c.border),
    ):
        result.setColor(role, QColor(color))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(c.muted))
    return result


def stylesheet(c: Colors) -> str:
    """Return the stylesheet of a theme: what a palette cannot say."""
    return f"""
    QToolTip {{ background: {c.card}; color: {c.text}; border: 1px solid {c.border}; padding: 4px 6px; }}
    QMenu {{ background: {c.card}; border: 1px solid {c.border}; padding: 5px; }}
    QMenu::item {{ padding: 6px 26px 6px 12px; border-radius: 6px; }}
    QMenu::item:selected {{ background: {c.selected}; color: {c.text}; }}
    QMenu::item:disabled {{ color: {c.muted}; }}
    QMenu::separator {{ height: 1px; background: {c.border}; margin: 5px 8px; }}
    QMenu::indicator {{ left: 4px; width: 12px; height: 12px; }}
    QLineEdit, QPlainTextEdit#field {{
        background: {c.card}; border: 1px solid {c.border}; border-radius: 8px; padding: 6px 8px;
        selection-background-color: {c.accent}; selection-color: {c.on_accent};
    }}
    QLineEdit:focus, QPlainTextEdit#field:focus {{ border-color: {c.accent}; }}
    QSplitter::handle {{ background: {c.border}; }}
    QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
    QScrollBar::handle:vertical {{
        background: {c.border}; border-radius: 4px; min-height: 36px; margin: 2px; }}
    QScrollBar::handle:disabled {{ background: transparent; }}
    QScrollBar::handle:vertical:hover {{ background: {c.muted}; }}
    QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
    QScrollBar::handle:horizontal {{
        background: {c.border}; border-radius: 4px; min-width: 36px; margin: 2px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    #sidebar {{ background: {c.sidebar}; }}
    #sidebar QListView {{ background: transparent; border: none; outline: none; }}
    #sidebar QLineEdit {{ background: {c.window}; padding-left: 28px; }}
    #line {{ background: {c.border}; }}
    #card {{ background: {c.card}; border: 1px solid {c.border}; border-radius: 16px; }}
    #card[focused="true"] {{ border-color: {c.accent}; }}
    #card QPlainTextEdit {{ background: transparent; border: none; }}
    #panel {{ background: {c.card}; border: 1px solid {c.border}; border-radius: 12px; outline: none; }}
    QAbstractSpinBox[own="true"], QComboBox[own="true"] {{
        background: {c.card}; border: 1px solid {c.border}; border-radius: 8px; padding: 5px 8px; }}
    QAbstractSpinBox[own="true"] {{ padding-right: 26px; }}
    QComboBox[own="true"] {{ padding-right: 30px; }}
    QAbstractSpinBox[own="true"]:hover, QComboBox[own="true"]:hover {{ border-color: {c.muted}; }}
    QAbstractSpinBox[own="true"]:focus, QComboBox[own="true"]:focus {{ border: 2px solid {c.accent};
        padding-top: 4px; padding-bottom: 4px; padding-left: 7px; }}
    QAbstractSpinBox[own="true"]:disabled, QComboBox[own="true"]:disabled {{
        background: transparent; color: {c.muted}; }}
    QAbstractSpinBox[own="true"]::up-button, QAbstractSpinBox[own="true"]::down-button {{
        width: 24px; border: none;
        background: transparent; subcontrol-origin: border; }}
    QAbstractSpinBox[own="true"]::up-button {{ subcontrol-position: top right; }}
    QAbstractSpinBox[own="true"]::down-button {{ subcontrol-position: bottom right; }}
    QAbstractSpinBox[own="true"]::up-arrow, QAbstractSpinBox[own="true"]::down-arrow {{
        image: none; width: 0; height: 0; }}
    QComboBox[own="true"]::drop-down {{ width: 24px; border: none; background: transparent; }}
    QComboBox[own="true"]::down-arrow {{
        image: none; width: 0; height: 0; }}
    QComboBox QAbstractItemView {{ background: {c.card}; border: 1px solid {c.border}; outline: none;
        selection-background-color: {c.selected}; selection-color: {c.text}; padding: 4px; }}
    QComboBox QAbstractItemView::item {{ min-height: 28px; padding: 0 8px; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QDialogButtonBox QPushButton {{ background: {c.card}; color: {c.text}; border: 1px solid {c.border};
        border-radius: 8px; padding: 7px 18px; min-width: 52px; outline: none; }}
    QDialogButtonBox QPushButton:hover {{ background: {c.hover}; }}
    QDialogButtonBox QPushButton:pressed {{ background: {c.selected}; }}
    QDialogButtonBox QPushButton:default {{ background: {c.accent}; color: {c.on_accent};
        border-color: {c.accent}; }}
    QDialogButtonBox QPushButton:focus {{ border: 2px solid {c.accent}; padding: 6px 17px; }}
    QDialogButtonBox QPushButton:default:focus {{ border-color: {c.text}; }}
    QDialogButtonBox QPushButton:disabled {{ background: transparent; color: {c.muted}; }}
    QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus {{
        border: none; border-radius: 0; padding: 0; background: transparent; }}
    QListWidget#pages {{ background: {c.sidebar}; border: none; outline: none; padding: 8px; }}
    QListWidget#pages::item {{ padding: 0 10px; border-radius: 8px; color: {c.text}; }}
    QListWidget#pages::item:selected {{ background: {c.selected}; color: {c.text}; }}
    QListWidget#panel::item {{ padding: 0 10px; border-radius: 8px; }}
    QListWidget#panel::item:selected {{ background: {c.selected}; color: {c.text}; }}
    QListWidget#pages::item:focus, QListWidget#panel::item:focus {{
        border: 2px solid {c.accent}; padding: 0 8px; }}
    QTreeView {{ background: {c.window}; border: none; outline: none; }}
    QTreeView::item {{ padding: 8px 6px; border-bottom: 1px solid {c.border}; }}
    QTreeView::item:selected {{ background: {c.selected}; color: {c.text}; }}
    QHeaderView::section {{ background: {c.window}; color: {c.muted}; border: none;
        border-bottom: 1px solid {c.border}; padding: 6px; }}
    """
