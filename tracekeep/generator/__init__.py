"""A generated payments platform: the project's own default input (``tracekeep generate``).

``generate`` writes the files, ``add_arguments`` and ``run`` are its command line. ``topology``
holds the services, ``incidents`` what breaks, ``changes`` what is deployed and set, ``traces``
builds one trace, ``conventions`` names its attributes, ``writers`` renders the files, ``slices``
and ``output`` divide and join the work.
"""

from .command import add_arguments, run
from .output import generate

__all__ = ["add_arguments", "generate", "run"]
