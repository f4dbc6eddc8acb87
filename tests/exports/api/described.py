"""The API's description, as a program reads it: its JSON schemas, and a client that is generated from it."""

import functools
import importlib
import io
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml
from django.core.management import call_command

PACKAGE = "generated_gradebridge_client"
GENERATOR = Path(sys.executable).with_name("openapi-python-client")


@functools.cache
def description():
    """The document, as its address serves it."""
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def described_answer(address, method, status, media_type):
    """The schema of this answer, with `$ref`s resolvable. Raises KeyError where the document does not tell of it."""
    answer = description()["paths"][address][method]["responses"][str(status)]
    if "content" not in answer and not media_type:
        return {}
    return as_json_schema({**answer["content"][media_type]["schema"], "components": description()["components"]})


def as_json_schema(node):
    """OpenAPI 3.0 has `nullable` where JSON Schema has a type."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def check_against_description(address, method, status, media_type, body):
    jsonschema.validate(
        body,
        described_answer(address, method, status, media_type),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def generate_client(folder):
    """The package that openapi-python-client makes of the document, imported."""
    document, options = folder / "schema.yaml", folder / "options.yaml"
    document.write_text(yaml.safe_dump(description()))
    options.write_text("post_hooks: []\n")
    made = subprocess.run(
        [
            *(GENERATOR, "generate", "--path", document, "--config", options),
            *("--meta", "none", "--output-path", folder / PACKAGE, "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(PACKAGE)
    finally:
        sys.path.remove(str(folder))


def operation(name):
    """The generated module of one operation."""
    tag = name.partition("_")[0]
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")


def models():
    return importlib.import_module(f"{PACKAGE}.models")
