"""The engine's way to what is known of pictures: the memory itself lies beside the door that judges them."""

from vgg_studio.pictures.known import Known as Known, Verdict as Verdict
