"""Reads YAML documents from stdin and prints them as one JSON array.

Usage: manifests.py [VERSION...]

Each is checked against the published schema of its kind in these versions of Kubernetes, strictly: a field
that the version does not know is a fault, as is a key that stands twice. The first fault ends it, with its
place in the document.
"""

import json
import sys

import kubernetes_validate
import yaml


class Strict(yaml.SafeLoader):
    """PyYAML takes the last of two equal keys without a word."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


documents = [it for it in yaml.load_all(sys.stdin, Loader=Strict) if it is not None]
for document in documents:
    for version in sys.argv[1:]:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as fault:
            name = f"{document['kind']} {document['metadata']['name']}"
            place = ".".join(str(part) for part in fault.path)
            sys.exit(f"{name}, Kubernetes {version}: {place}: {fault.message}")
json.dump(documents, sys.stdout)
