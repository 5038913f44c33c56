#!/bin/sh
# renew.sh [BUILD]: after a change of the table: the header, the page, and NumPy's numbers.
cd "$(dirname "$0")/../.." || exit 2
python3 tests/operations/reference.py >tests/operations/expected.txt || exit 1
ninja -C "${1-build/release}" test_generated && TL_ACCEPT=1 "${1-build/release}/test_generated"
