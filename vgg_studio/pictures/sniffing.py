"""What a file is by its bytes, whatever its name says. Only kinds of ALLOWED ever reach a decoder."""

from __future__ import annotations

import re

from vgg_studio.core.errors import PictureRefused

HEAD = 4096  # bytes that are enough to tell
# Pillow's names. MPO is missing on purpose: those files open as JPEG, and naming MPO makes odd ones raise KeyError.
ALLOWED = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "HEIF")

_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_OTHERS: tuple[tuple[bytes, str], ...] = (  # kinds of picture that are not read
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\1\0", "ICO"),
    (b"icns", "ICNS"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "HDR"),
    (b"gimp xcf", "XCF"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
)
# Cameras' raw pictures of Fujifilm, Panasonic, Olympus, Minolta, Sigma and Phase One; those that begin like a TIFF are told
# by what stands inside (`decoding`), Canon's by a mark in eighth place.
_RAW = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"\0MRM", b"FOVb", b"IIII")
_DOCUMENTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "PSD"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"),
    (b"\x1f\x8b", "GZIP"),
    (b"\xd0\xcf\x11\xe0", "Office"),
    (b"{\\rtf", "RTF"),
)
_PPM = re.compile(rb"P[1-6fF][\s#]")
_WEB = re.compile(
    rb"<(!doctype\s+html|html|head|body|title|script|style|meta|link|div|p|h1|iframe|\?php)\b", re.IGNORECASE
)
_CUT_OFF = ("truncat", "eof", "not enough", "unexpected end", "no more")  # in what Pillow says of files that end early
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def kind_of(head: bytes) -> str:
    """The kind (one of ALLOWED) of the file that begins with `head`. Raises PictureRefused with the reason for all others."""
    if not head:
        raise PictureRefused("empty")
    if kind := _picture(head):
        return kind
    if len(head) < 12 and (head[:4] == b"RIFF" or any(magic.startswith(head) for magic in (b"RIFF", *dict(_PICTURES)))):
        raise PictureRefused("cut_off")
    _refuse_others(head)
    _refuse_documents(head)
    raise PictureRefused("not_a_picture")


def webp_size(head: bytes) -> tuple[int, int]:
    """Width and height that a WebP header announces (0: not told). Pillow reserves the canvas when it opens one."""
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0  # the plain kind ends at 16,383 px a side and reserves nothing early


def ends_early(data: bytes, kind: str, complaint: str) -> bool:
    """Whether a file that could not be decoded (with that `complaint`) is the beginning of one: its announced end is missing."""
    if any(word in complaint.lower() for word in _CUT_OFF):
        return True
    announced = {
        "WEBP": 8 + int.from_bytes(data[4:8], "little"),
        "BMP": int.from_bytes(data[2:6], "little"),
        "TIFF": int.from_bytes(data[4:8], "little" if data[:1] == b"I" else "big"),  # where the directory begins
        "AVIF": _boxes_end(data),
        "HEIF": _boxes_end(data),
    }
    endings = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b";"}
    return len(data) < announced.get(kind, 0) or not data.rstrip(b"\0\r\n ").endswith(endings.get(kind, b""))


def _boxes_end(data: bytes) -> int:
    """Where the last box of an ISO media file says that it ends."""
    end = 0
    while end + 8 <= len(data):
        size = int.from_bytes(data[end : end + 4], "big")
        if size < 8:
            break
        end += size
    return end


def _picture(head: bytes) -> str:
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return "" if kind == "TIFF" and head[8:10] == b"CR" else kind  # Canon's raw files begin like a TIFF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if _PPM.match(head):
        return "PPM"
    brand = _brand(head)
    return brand if brand in ("AVIF", "HEIF") else ""


def _refuse_others(head: bytes) -> None:
    if head.startswith(_RAW) or (head[8:10] == b"CR" and head[:2] in (b"II", b"MM")) or _brand(head) == "RAW":
        raise PictureRefused("raw_picture")
    kind = next((kind for magic, kind in _OTHERS if head.startswith(magic)), "") or _brand(head)
    if head[:4] == b"RIFF":
        kind = head[8:12].decode("ascii", "replace").strip()
    if kind:
        raise PictureRefused("kind_not_allowed", kind=kind)


def _brand(head: bytes) -> str:
    """The kind of an ISO media file (`ftyp` box), by its brands; "" for other files."""
    if head[4:8] != b"ftyp":
        return ""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}:
        return "HEIF"
    return "RAW" if b"crx " in brands else "MP4"


def _refuse_documents(head: bytes) -> None:
    for magic, kind in _DOCUMENTS:
        if head.startswith(magic):
            raise PictureRefused("document", kind=kind)
    if b"%PDF-" in head[:1024]:
        raise PictureRefused("document", kind="PDF")
    text = _text(head)
    if not text.startswith(b"<"):
        return
    if b"<svg" in text:
        raise PictureRefused("document", kind="SVG")
    if _WEB.search(text):
        raise PictureRefused("web_page")
    if text.startswith(b"<?xml"):
        raise PictureRefused("document", kind="XML")


def _text(head: bytes) -> bytes:
    """The head as lower-case ASCII-like text without byte order mark and leading space; UTF-16 is folded."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[2:].replace(b"\0", b"")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
