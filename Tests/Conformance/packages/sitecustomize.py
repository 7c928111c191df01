"""Stands in for the packages of cloud providers that the oracle imports before it reads a record of a snapshot, and then does not use."""

import importlib.abc
import importlib.machinery
import sys
import types

ROOTS = {"requests", "boto3", "botocore", "google", "azure"}


class Empty(types.ModuleType):
    """A module in which every name is a class."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ROOTS:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(Finder())
