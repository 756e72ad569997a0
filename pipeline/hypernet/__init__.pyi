from . import circuits as circuits
from . import codes as codes
from . import layers as layers
from . import molecules as molecules
from . import radar as radar
from . import ratings as ratings
from . import retouch as retouch
from . import shapes as shapes
from . import sonar as sonar
from . import superres as superres
from .lab.errors import UserError as UserError
from .trained import open_model as open_model

__version__: str
