"""The errors that a user can mend. A command ends with their one line and exit code 2."""


class UserError(Exception):
    """A mistake of the user's: the message says in one plain line what is wrong and how to mend it."""


class MissingPackage(UserError):
    """An optional package is not installed."""

    def __init__(self, package: str, command: str) -> None:
        super().__init__(f"the package {package} is not installed; install it with: {command}")
        self.package = package


class MissingAsset(UserError):
    """A weight or model file that we may not ship is not where it is looked for."""

    def __init__(self, name: str, path: str, licence: str, remedy: str) -> None:
        super().__init__(f"asset {name} is missing: expected {path} (licence: {licence}); {remedy}")
        self.name = name
