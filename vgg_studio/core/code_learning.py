"""The second half of a run's script (`core.code_text`): its network, what learns, by which rules, and the rounds."""

from __future__ import annotations

import json

from vgg_studio.core import loading_code, vgg
from vgg_studio.core.jobs import CROPPING, TrainJob
from vgg_studio.core.language import _

Lines = list[str]


def network(shape: vgg.Shape, job: TrainJob, initial: str) -> Lines:
    """The network with the weights that the run started from, and what of it stays as it is."""
    lines = [
        "# " + _("The network, with the weights that the run started from."),
        *loading_code.network(shape),
        f"network.load_state_dict(torch.load(HERE / {json.dumps(initial)}, weights_only=True))",
        "network.to(device)",
    ]
    if job.dropout != 0.5:
        lines += [
            "for module in network.modules():",
            "    if isinstance(module, nn.Dropout):",
            f"        module.p = {job.dropout:g}",
        ]
    frozen = _frozen(shape, job.first_stage)
    if frozen:
        lines += [
            "# " + _("These layers stay as they are: no gradients, no dropout, statistics kept."),
            f"frozen = [{', '.join(frozen)}]",
            "for part in frozen:",
            "    part.requires_grad_(False)",
        ]
    return lines


def _frozen(shape: vgg.Shape, stage: str) -> Lines:
    learning = vgg.trained_stages(stage)
    kept = [layer.key for layer in vgg.layers(shape) if layer.stage not in learning and layer.kind != "average_pool"]
    found = []
    for part in ("features", "classifier"):
        mine = sum(key.startswith(part) for key in kept)
        whole = sum(layer.key.startswith(part) for layer in vgg.layers(shape))
        if mine:
            found.append(f"network.{part}" if mine == whole else f"network.{part}[:{mine}]")
    return found


def sections(job: TrainJob, shape: vgg.Shape, mirror: bool, best: str, checks: bool, tests: bool) -> list[Lines]:
    """Everything behind the network."""
    weights = _class_weights(job, shape)
    scored = [_answers(mirror), _last(best, checks, tests)]
    if job.optimizer == "lbfgs":
        return [*weights, scored[0], _at_once(job, shape), _rounds_at_once(best, checks), scored[1]]
    return [*weights, *_optimizer(job, shape), *_rate(job), scored[0], _rounds(job, shape, best, checks), scored[1]]


def _class_weights(job: TrainJob, shape: vgg.Shape) -> list[Lines]:
    if not job.class_weights:
        return []
    return [
        [
            "# " + _("Each class counts the same in the loss, however many pictures it has."),
            'labels = torch.tensor([int(row["label"]) for row in Pictures("train", prepare).rows])',
            f"counts = torch.bincount(labels, minlength={shape.classes})",
            "class_weights = (counts.sum() / ((counts > 0).sum() * counts.clamp(min=1))).to(device)",
        ]
    ]


def _loss(job: TrainJob) -> str:
    more = ", weight=class_weights" if job.class_weights else ""
    more += f", label_smoothing={job.label_smoothing:g}" if job.label_smoothing and job.optimizer != "lbfgs" else ""
    return more


def _optimizer(job: TrainJob, shape: vgg.Shape) -> list[Lines]:
    lines: Lines = []
    by_block = job.layer_decay < 1
    if by_block:
        starts = _block_starts(shape)
        lines += [
            "# "
            + _("Each block further from the linear layers learns at this share of the rate of the one behind it."),
            f"STARTS = {starts}",
            "",
            "",
            "def share(name):",
            '    part, number, _ = name.split(".")',
            f"    blocks = {len(starts) + 1} - sum(int(number) >= start for start in STARTS)",
            f'    return 1.0 if part == "classifier" else {job.layer_decay:g} ** blocks',
            "",
            "",
        ]
    grouped = by_block or job.weight_decay
    if grouped:
        share = ', "share": share(name)' if by_block else ""
        lines += [
            "# " + _("Weights are pulled towards 0; biases and what batch normalisation learns are not."),
            "learning = [",
            f'    {{"params": [one], "weight_decay": {job.weight_decay:g} if one.ndim > 1 else 0.0{share}}}',
            "    for name, one in network.named_parameters()",
            "    if one.requires_grad",
            "]",
        ]
    else:
        lines += ["learning = [one for one in network.parameters() if one.requires_grad]"]
    rate = f"{job.learning_rate:g}"
    if job.optimizer == "sgd":
        momentum = f", momentum={job.momentum:g}" if job.momentum else ""
        lines += [f"RATE = {rate}", f"optimizer = torch.optim.SGD(learning, lr=RATE{momentum})"]
    else:
        kind = "Adam" if job.optimizer == "adam" else "AdamW"
        decay = "" if grouped else ", weight_decay=0.0"
        lines += [f"RATE = {rate}", f"optimizer = torch.optim.{kind}(learning, lr=RATE{decay})"]
    return [lines]


def _block_starts(shape: vgg.Shape) -> tuple[int, ...]:
    """The number, within `features`, of each block's first layer."""
    first: dict[str, int] = {}
    for layer in vgg.layers(shape):
        if layer.key.startswith("features."):
            first.setdefault(layer.stage, int(layer.key.removeprefix("features.")))
    return tuple(first.values())


def changes_rate(job: TrainJob) -> bool:
    """Whether the learning rate is not the same in every step."""
    return job.schedule != "none" or job.warmup > 0


def _rate(job: TrainJob) -> list[Lines]:
    if not changes_rate(job):
        return []
    lines = [
        "def rate(done, a_round):",
        f'    """{_("The learning rate after so many batches; a_round is how many a round has.")}"""',
    ]
    if job.warmup:
        lines += [
            f"    if done < {job.warmup} * a_round:",
            f"        return RATE * (done + 1) / ({job.warmup} * a_round)",
        ]
    if job.schedule == "step":
        lines += [f"    return RATE * {job.step_factor:g} ** (done // a_round // {job.step_epochs})"]
    elif job.schedule == "cosine":
        warm = f" - {job.warmup} * a_round" if job.warmup else ""
        done = f"(done{warm})" if warm else "done"
        lines += [
            f"    share = {done} / max(1, ROUNDS * a_round{warm})",
            "    return RATE * 0.5 * (1 + math.cos(math.pi * min(1, share)))",
        ]
    else:
        lines += ["    return RATE"]
    return [["", *lines]]


def _answers(mirror: bool) -> Lines:
    scores = "asked(pictures)"
    if mirror:
        scores = "(asked(pictures) + asked(pictures.flip(-1))) / 2"
    return [
        "",
        "def answers(asked, part):",
        f'    """{_("Loss and accuracy on a part: means over its pictures.")}"""',
        "    asked.eval()",
        "    loss = right = count = 0",
        "    with torch.no_grad():",
        "        for pictures, labels in batches(part, prepare):",
        "            pictures, labels = pictures.to(device), labels.to(device)",
        f"            scores = {scores}",
        '            loss += F.cross_entropy(scores, labels, reduction="sum").item()',
        "            right += (scores.argmax(1) == labels).sum().item()",
        "            count += len(labels)",
        "    return loss / count, right / count",
        "",
    ]


def _rounds(job: TrainJob, shape: vgg.Shape, best: str, checks: bool) -> Lines:
    frozen = _frozen(shape, job.first_stage)
    answering = "averaged" if job.ema else "network"
    lines: Lines = []
    if job.ema:
        lines += [
            "# " + _("What answers is a moving average of the weights, which begins short."),
            "averaged = copy.deepcopy(network)",
        ]
    lines += [
        "done, best, best_round = 0, None, 0",
        "for number in range(1, ROUNDS + 1):",
        "    network.train()",
        *(["    for part in frozen:", "        part.eval()"] if frozen else []),
        "    loss = right = count = 0",
        '    loader = batches("train", vary, shuffle=True)',
        "    for pictures, labels in loader:",
        *(f"        {line}" for line in _step(job)),
        "        done += 1",
        "    loss, accuracy = loss / count, right / count",
        '    text = f"round {number}: loss {loss:.4f}, accuracy {accuracy:.4f}"',
    ]
    if job.ema:
        lines += [
            "    for mine, theirs in zip(averaged.buffers(), network.buffers()):",
            "        mine.copy_(theirs)",
        ]
    lines += _judged(answering, best, checks)
    if job.patience:
        lines += [
            f"    if number - best_round >= {job.patience}:",
            f"        break  # {_('no better round for so long')}",
        ]
    return lines


def _step(job: TrainJob) -> Lines:
    lines = ["pictures, labels = pictures.to(device), labels.to(device)"]
    if changes_rate(job):
        share = ' * group["share"]' if job.layer_decay < 1 else ""
        lines += ["for group in optimizer.param_groups:", f'    group["lr"] = rate(done, len(loader)){share}']
    elif job.layer_decay < 1:
        lines += ["for group in optimizer.param_groups:", '    group["lr"] = RATE * group["share"]']
    lines += [
        "scores = network(pictures)",
        "optimizer.zero_grad()",
        f"F.cross_entropy(scores, labels{_loss(job)}).backward()",
        "optimizer.step()",
    ]
    if job.ema:
        lines += [
            "with torch.no_grad():",
            f"    kept = min({job.ema:g}, (1 + done) / (10 + done))",
            "    for mine, theirs in zip(averaged.parameters(), network.parameters()):",
            "        mine.lerp_(theirs, 1 - kept)",
        ]
    return [
        *lines,
        'loss += F.cross_entropy(scores.detach(), labels, reduction="sum").item()',
        "right += (scores.argmax(1) == labels).sum().item()",
        "count += len(labels)",
    ]


def _judged(asked: str, best: str, checks: bool) -> Lines:
    """The end of a round: the validation part answers, and the best network is kept."""
    saved = f"torch.save({asked}.state_dict(), HERE / {json.dumps(best)})"
    if checks:
        judged = [
            f'val_loss, val_accuracy = answers({asked}, "val")',
            'print(f"{text}; validation loss {val_loss:.4f}, accuracy {val_accuracy:.4f}", flush=True)',
            "merit = (val_accuracy, -val_loss)",
        ]
    else:
        judged = ["print(text, flush=True)", "merit = -loss"]
    kept = ["if best is None or merit > best:", "    best, best_round = merit, number", f"    {saved}"]
    return [f"    {line}" for line in (*judged, *kept)]


def _last(best: str, checks: bool, tests: bool) -> Lines:
    """The best round's network is scored on the test part, else on the validation part."""
    lines = [
        "# " + _("The best round answers for pictures that chose nothing."),
        f"network.load_state_dict(torch.load(HERE / {json.dumps(best)}, weights_only=True))",
    ]
    if not tests and not checks:
        return lines[1:]
    part = "test" if tests else "val"
    return [
        *(lines if tests else lines[1:]),
        f'loss, accuracy = answers(network, "{part}")',
        f'print(f"best round {{best_round}}; {part} loss {{loss:.4f}}, accuracy {{accuracy:.4f}}")',
    ]


def _at_once(job: TrainJob, shape: vgg.Shape) -> Lines:
    """Features of the frozen part, from which the last layer learns in one go (`engine/last_layer.py`)."""
    looks = job.views if job.variation in CROPPING else 1
    head = "" if shape.head == "light" else ", *network.classifier[:-1]"
    turned = "(pictures, pictures.flip(-1))" if job.variation == "flip" else "(pictures,)"
    return [
        "# " + _("What the layers that stay give for each picture, once; the last layer then learns from all at once."),
        f"trunk = nn.Sequential(network.features, network.avgpool, nn.Flatten(){head}).eval()",
        "features, labels = [], []",
        "with torch.no_grad():",
        f"    for look in range({looks}):",
        '        for pictures, some in batches("train", vary):',
        f"            for seen in {turned}:",
        "                features.append(trunk(seen.to(device)))",
        "                labels.append(some.to(device))",
        "features, labels = torch.cat(features), torch.cat(labels)",
        "scale = features.square().mean().sqrt()",
        "linear = network.classifier[-1]",
        "# " + _("The loss has one valley: from zero the way down is short."),
        "weight = torch.zeros_like(linear.weight, requires_grad=True)",
        "bias = torch.zeros_like(linear.bias, requires_grad=True)",
        "",
        "",
        "def total():",
        "    search.zero_grad()",
        f"    value = F.cross_entropy(F.linear(features / scale, weight, bias), labels{_loss(job)})",
        f"    value = value + {job.weight_decay / 2:g} * weight.square().sum()",
        "    value.backward()",
        "    return value",
        "",
    ]


def _rounds_at_once(best: str, checks: bool) -> Lines:
    return [
        "best, best_round = None, 0",
        "for number in range(1, ROUNDS + 1):",
        '    search = torch.optim.LBFGS([weight, bias], max_iter=25, history_size=10, line_search_fn="strong_wolfe")',
        "    search.step(total)",
        "    with torch.no_grad():",
        "        linear.weight.copy_(weight / scale)",
        "        linear.bias.copy_(bias)",
        "        scores = linear(features)",
        "        loss = F.cross_entropy(scores, labels).item()",
        "        accuracy = (scores.argmax(1) == labels).float().mean().item()",
        '    text = f"round {number}: loss {loss:.4f}, accuracy {accuracy:.4f}"',
        *_judged("network", best, checks),
    ]
