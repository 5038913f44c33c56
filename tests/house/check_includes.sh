#!/bin/sh
# Includes point down only, and a room is entered by its door header alone: src/ROOM/ROOM.h, or a
# table ROOM/*.def; a folder within a room likewise, except from below it. The program sees the
# public header only.
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL
find src app examples include -name '*.[ch]' 2>/dev/null | sort | xargs awk -f tests/house/includes.awk
