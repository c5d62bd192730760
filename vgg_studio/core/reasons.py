"""Why something cannot be used, in a few words for each code that travels in events and errors."""

from __future__ import annotations

from vgg_studio.core.language import N_, _

REASONS: dict[str, str] = {
    "empty": N_("empty file"),
    "cut_off": N_("ends too early"),
    "web_page": N_("is a web page, not a picture"),
    "document": N_("is a document ({kind}), not a picture"),
    "not_a_picture": N_("not a picture"),
    "kind_not_allowed": N_("is of a kind ({kind}) that is not read"),
    "too_large": N_("has more than {limit} million pixels"),
    "not_a_file": N_("is not an ordinary file"),
    "missing": N_("is no longer there"),
    "no_pictures": N_("holds no pictures"),
    "not_allowed": N_("may not be read"),
    "damaged": N_("is damaged"),
    "unreadable": N_("could not be read from the disk"),
    "too_slow": N_("took too long to read"),
    "too_long": N_("is more than {limit} times as long as it is wide"),
    "raw_picture": N_("is a camera's raw picture; save it as a JPEG first"),
    "decoder_crashed": N_("is damaged in a way that ends the program that opens it"),
    "too_much_memory": N_("takes too much memory to open"),
    "by_hand": N_("by hand"),
}

DETAILS: dict[str, str] = {  # what `detail` or `allowed` says where it is one of these; else it is shown as it is
    "web_page": N_("it is a web page"),
    "empty": N_("it is empty"),
    "pointer": N_("it only points to the real file (Git LFS), which was not fetched"),
    "other_kind": N_("its content is of another kind"),
    "not_a_file": N_("it is not an ordinary file"),
    "not_allowed": N_("it may not be read"),
    "damaged": N_("it is damaged or ends too early"),
    "too_large_inside": N_("it claims to hold more than it can"),
    "not_vgg": N_("it holds no VGG network"),
    "incomplete": N_("{tensor} is missing"),
    "no_classifier": N_("it has no classifier, so it can only be trained from"),
    "odd_numbers": N_("{tensor} holds numbers of an odd kind ({kind})"),
    "no_gpu": N_("no such graphics card was found"),
    "torch_without_cuda": N_("this PyTorch was built without CUDA; what mends it: {command}"),
    "driver_too_old": N_(
        "the driver of the graphics card is too old; renew it, or fetch a PyTorch that suits it: {command}"
    ),
    "refused_connection": N_("no connection"),
    "status": N_("the server answered {status}"),
    "cut": N_("the connection broke off"),
    "certificate": N_("its certificate is not trusted here"),
    "too_slow": N_("the server stopped sending"),
    "too_large": N_("the file is larger than {megabytes} MB"),
    "with_save": N_("together with --save, which names the file to write"),
    "unsafe_address": N_("the address is not https"),
    "recipe_b": N_("auto, a, c, c-scratch, d, e; what b looks at is told by: vgg-studio inspect vgg16"),
    "other_sum": N_("its checksum is another"),
    "odd_numbers_inside": N_("its numbers do not fit together"),
    "more_than_numbers": N_("it holds more than numbers"),
    "not_an_archive": N_("it is no archive that can be read"),
    "encrypted": N_("it is protected by a password"),
    "leads_out": N_("{member} would lie outside of its folder"),
    "odd_member": N_("{member} is a name that no folder should hold"),
    "no_plain_member": N_("{member} is a link or a device"),
    "twice": N_("{member} is in it twice"),
    "too_much": N_("it holds too much"),
    "no_pictures": N_("it holds no pictures"),
    "no_weights": N_("none, for slim networks and other than 3 channels"),
    "no_official": N_("none or a file, for this network has no official weights"),
    "own_blocks": N_("1 to 10 blocks such as 1x64,1x128,2x256, each of 1 to 8 convolutions times 1 to 2048 channels"),
    "not_fresh": N_("of a file, a run or official:vgg16, for a network by its name alone has no weights to save"),
    "layer_names": N_("two layers in their order, named as in features.0, conv1-1, block2 or fc6"),
    "layers_with_weights": N_("a part with at least one tensor in it"),
    "no_blocks": N_("none, for A-LRN and C have blocks of their own"),
    "holds_things": N_("it holds other things already"),
    "another_split": N_("it holds another split, which was not written to its end"),
    "within_the_pictures": N_("it lies among the pictures themselves"),
    "no_room": N_("the disk has {megabytes} MB too little room"),
}


def describe_reason(reason: str, values: dict[str, str | int | float] | None = None) -> str:
    """Why a picture was left out, in a few words that follow its name."""
    return fill(_(REASONS.get(reason, REASONS["damaged"])), values or {})


def fill(template: str, values: dict[str, str | int | float]) -> str:
    """Put values into a sentence; a value that is not there shows as an ellipsis, because an error must never raise."""
    return template.format_map(_Lenient(values))


class _Lenient(dict[str, str | int | float]):
    def __missing__(self, key: str) -> str:
        return "…"
