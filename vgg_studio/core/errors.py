"""What can go wrong, as one tree. Each error is a code and its values; the sentence is made where it is read.

StudioError
├── UsageError              the order itself makes no sense
├── DataError               the folder of pictures
│   ├── FolderMissing  FolderEmpty  FolderFlat  OneClass  TooFewPictures  SplitImpossible  FolderUnreadable
│   ├── FolderNameNoText
│   ├── DataSetMissing  DataSetDamaged  DataSetNotFetched  ArchiveRefused
│   └── PictureRefused      one file that cannot be used; its `reason` is one of REASONS
├── WeightsError            a file of weights
│   ├── WeightsMissing  WeightsUnreadable  WeightsUnsafe  WeightsOtherVariant  WeightsNotFinite  WeightsOddShape
│   ├── WeightsChanged
│   └── DownloadFailed  DownloadDamaged
├── RunError                a run folder
│   └── RunExists  RunMissing  RunDamaged  RunInUse  RunTooNew  RunUnfinished  ResumeMismatch  PathMissing
│       EverythingLearns
├── StorageError            the disk
│   └── DiskFull  NotWritable  NamesInTheWay
└── EngineError             the machine
    └── DeviceMissing  OutOfMemory  Diverged  EngineDied  DisplayMissing  QtLibrariesMissing  Unexpected
        BackendMissing  BackendFailed  WorkerLost
"""

from __future__ import annotations

import errno

from vgg_studio.core.language import N_
from vgg_studio.core.reasons import (
    DETAILS as DETAILS,
    REASONS as REASONS,
    describe_reason as describe_reason,
    fill as fill,
)
from vgg_studio.core.studio_error import (
    StudioError as StudioError,
    describe as describe,
    sentence_and_remedy as sentence_and_remedy,
)


class UsageError(StudioError):
    sentence = N_("The setting {name} cannot be {value}.")
    remedy = N_("Allowed: {allowed}.")


class DataError(StudioError):
    sentence = N_("The pictures cannot be used.")


_GOOD_FOLDER = N_("A good folder holds one folder for each class, with its pictures inside.")


class FolderMissing(DataError):
    sentence = N_("There is no folder {path}.")
    remedy = N_("Check the name, or choose the folder again.")


class FolderNameNoText(DataError):
    sentence = N_("The name of the folder {path} is not written in Unicode.")
    remedy = N_("Rename it, or a folder above it, then open it again.")


class FolderEmpty(DataError):
    sentence = N_("No pictures were found in {path}.")
    remedy = _GOOD_FOLDER


class FolderFlat(DataError):
    sentence = N_("The pictures in {path} are not sorted into folders.")
    remedy = _GOOD_FOLDER


class OneClass(DataError):
    sentence = N_("Only one class was found in {path}: {name}.")
    remedy = N_("There must be at least two folders with pictures, one for each class.")


class TooFewPictures(DataError):
    sentence = N_("Too few pictures in {path} can be used: after sorting out, fewer than two classes have two or more.")
    remedy = N_("Add pictures to the class folders.")


class SplitImpossible(DataError):
    sentence = N_("The folders for training and checking in {path} do not hold the same classes: {names}.")
    remedy = N_("Give each part the same class folders.")


class FolderUnreadable(DataError):
    sentence = N_("The folder {path} may not be read.")
    remedy = N_("Ask for the right to read it, or copy the pictures elsewhere.")


class DataSetMissing(DataError):
    sentence = N_("The data set {name} is not in {path}.")
    remedy = N_("Fetch it with: vgg-studio fetch {name}.")


class DataSetDamaged(DataError):
    sentence = N_("{path} is not a file of the published data set: {detail}.")
    remedy = N_("Fetch the data set again.")


class DataSetNotFetched(DataError):
    sentence = N_("{name} could not be downloaded from {host}: {detail}.")
    remedy = N_("Try again (what has arrived is kept), or fetch {addresses} in another way and put it into {path}.")


class ArchiveRefused(DataError):
    sentence = N_("The archive {path} was not unpacked: {detail}.")
    remedy = N_("Unpack it with a program that you trust, and open the folder.")


class PictureRefused(DataError):
    """One file that is no usable picture: `reason` is a key of REASONS, other values fill its words."""

    sentence = N_("{path} {words}.")

    def __init__(self, reason: str, **values: str | int | float) -> None:
        super().__init__(reason=reason, **values)
        self.reason = reason


class WeightsError(StudioError):
    sentence = N_("The weights cannot be used.")


_OTHER_FILE = N_("Choose another file of weights, or start without weights.")


class WeightsMissing(WeightsError):
    sentence = N_("There is no file of weights {path}.")
    remedy = _OTHER_FILE


class WeightsUnreadable(WeightsError):
    sentence = N_("{path} is not a file of weights: {detail}.")
    remedy = _OTHER_FILE


class WeightsUnsafe(WeightsError):
    sentence = N_("{path} holds more than numbers ({detail}) and was not opened, because it could run a program.")
    remedy = _OTHER_FILE


class WeightsOtherVariant(WeightsError):
    sentence = N_("The weights in {path} belong to {found}, not to {wanted}.")
    remedy = N_("Choose {found} as the network, or another file.")


class WeightsNotFinite(WeightsError):
    sentence = N_("The weights in {path} are damaged: {name} holds values that are not numbers.")
    remedy = _OTHER_FILE


class WeightsOddShape(WeightsError):
    sentence = N_("The weights in {path} do not fit: {name} has the shape {found} instead of {wanted}.")
    remedy = _OTHER_FILE


class WeightsChanged(WeightsError):
    sentence = N_("The file of weights {path} is no longer the one that the run started from.")
    remedy = N_("Put the first one back.")


class DownloadFailed(WeightsError):
    sentence = N_("The weights could not be downloaded from {host}: {detail}.")
    remedy = N_("Try again (what has arrived is kept), or fetch {name} elsewhere and choose the file.")


class DownloadDamaged(WeightsError):
    sentence = N_("The downloaded file {name} is not the one that was published, and was deleted.")
    remedy = N_("Try again, or fetch it elsewhere and choose the file.")


class RunError(StudioError):
    sentence = N_("The run cannot be used.")


class RunExists(RunError):
    sentence = N_("{path} already holds a run.")
    remedy = N_("Add --resume to continue it, or choose another folder.")


class RunMissing(RunError):
    sentence = N_("There is no run in {path}.")
    remedy = N_("Choose the folder that holds run.json.")


class RunDamaged(RunError):
    sentence = N_("The run in {path} is damaged: {detail}.")
    remedy = N_("Start a new run; what is left of this one was not changed.")


class RunInUse(RunError):
    sentence = N_("Another training is writing into {path}.")
    remedy = N_("Wait until it has ended, or choose another folder.")


class RunTooNew(RunError):
    sentence = N_("The run in {path} was made by a newer VGG Studio (format {format}).")
    remedy = N_("Install the newest version to open it.")


class EverythingLearns(RunError):
    sentence = N_("Everything in the network of {path} learns already, so there is no next stage.")
    remedy = N_("Give it more rounds: vgg-studio train --out {path} --resume --epochs N")


class RunUnfinished(RunError):
    sentence = N_("The run in {path} has not finished its first round, so there is nothing to use yet.")
    remedy = N_("Continue it first.")


class ResumeMismatch(RunError):
    sentence = N_("This run cannot be continued with another {name}: it has {found}, you asked for {wanted}.")
    remedy = N_("Leave that setting out, or start a new run.")


class PathMissing(RunError):
    sentence = N_("There is no file or folder {path}.")
    remedy = N_("Check the name.")


class StorageError(StudioError):
    sentence = N_("The disk cannot be written.")


class DiskFull(StorageError):
    sentence = N_("The disk is full: {path} needs {megabytes} MB more.")
    remedy = N_("Make room and continue the run; everything up to its last checkpoint is kept.")


class NotWritable(StorageError):
    sentence = N_("Nothing can be written to {path}: {detail}.")
    remedy = N_("Choose another folder.")


class NamesInTheWay(StorageError):
    sentence = N_("{path} already holds the class names of another network, which would lose them.")
    remedy = N_("Give each network a folder of its own.")


class EngineError(StudioError):
    sentence = N_("The engine stopped.")


class DeviceMissing(EngineError):
    sentence = N_("The device {device} is not there: {detail}.")
    remedy = N_("Use --device auto.")


class BackendMissing(EngineError):
    sentence = N_("{backend} is not installed.")
    remedy = N_("Install vgg-studio[fast-cpu], or use --backend auto.")


class BackendFailed(EngineError):
    sentence = N_("{backend} cannot compute this network: {detail}.")
    remedy = N_("Use --backend torch.")


class OutOfMemory(EngineError):
    sentence = N_("There is not enough memory ({device}) for batches of {batch_size} pictures.")
    remedy = N_("Choose a smaller batch, smaller pictures or a smaller network.")


class Diverged(EngineError):
    sentence = N_("The training went out of control in round {epoch}: its loss is no longer a number.")
    remedy = N_("Start again with a lower learning rate, for example {rate}.")


class EngineDied(EngineError):
    sentence = N_("The engine ended unexpectedly ({detail}).")
    remedy = N_("Everything up to the last checkpoint is kept; continue from there.")


class WorkerLost(EngineError):
    sentence = N_("Another process of this training ended.")
    remedy = N_("Go on with the run (same command with --resume): everything up to its last checkpoint is kept.")


class DisplayMissing(EngineError):
    sentence = N_("There is no display for the window.")
    remedy = N_("Without one, use the command line: vgg-studio demo")


class QtLibrariesMissing(EngineError):
    sentence = N_("The window needs system libraries that are missing ({detail}).")
    remedy = N_("Install them: {command}")


class Unexpected(EngineError):
    sentence = N_("Something went wrong that should not: {detail}.")
    remedy = N_("Start with --debug to see where.")


def from_os_error(error: OSError, path: str, megabytes: int = 1) -> StudioError:
    """The studio's error for a failure of the disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(path=path, megabytes=megabytes)
    return NotWritable(path=path, detail=error.strerror or type(error).__name__)
