# Everything runs in .venv, which `make install` makes and every other target makes if it is missing. VENV names another
# one, for another PYTHON.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
SANDBOX_PORT ?= 8001
export PORT SANDBOX_PORT

# An environment for commands that need no real site.
CHECK_ENV := DEBUG=false SECRET_KEY=$(shell od -An -N32 -tx1 /dev/urandom | tr -d ' \n') \
	ALLOWED_HOSTS=grades.example.edu LEARN_URL=https://learn.example.edu LEARN_KEY=key LEARN_SECRET=secret \
	DATABASE_URL=sqlite:///var/check.sqlite3

.PHONY: install install-runtime demo test fuzz check format bench screenshots settings requirements

install: $(VENV)/installed

$(VENV)/installed: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

# What a site in production needs, and no more: no tests, no sandbox.
install-runtime:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt

demo: install
	@$(CHECK_ENV) $(BIN)/python manage.py demo

# All tests that need no server beyond the machine's own. PYTEST_ARGS adds to it.
test: install
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

# Sends the API of a whole site whatever comes to mind, and counts what became of it. FUZZ_INPUTS: how many times.
FUZZ_INPUTS ?= 10000
fuzz: install
	FUZZ_INPUTS=$(FUZZ_INPUTS) $(BIN)/python -m pytest -q -s tests/fuzz $(PYTEST_ARGS)

check: install
	@mkdir -p var
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files '*.html')
	$(CHECK_ENV) $(BIN)/mypy
	$(BIN)/lint-imports
	$(CHECK_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m docs.settings_page --check
	$(CHECK_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/python .ci/audit.py

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djade --target-version 5.2 $$(git ls-files '*.html')

# BEFORE=<git revision> also measures that commit, in turns with this checkout.
bench: install
	$(BIN)/python -m benchmarks $(if $(BEFORE),--before $(BEFORE))

# Takes the pictures of the README and the guides anew, of a demo that is started for them. Needs Chromium.
screenshots: install
	@$(CHECK_ENV) $(BIN)/python -m docs.screenshots

# Writes the defaults and limits in docs/settings.md from the code that reads the settings.
settings: install
	$(BIN)/python -m docs.settings_page

# Pins the whole tree of what requirements.in and requirements-dev.in name.
requirements: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --no-strip-extras requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes --no-strip-extras requirements-dev.in -o requirements-dev.txt
