run --json queries_json_half.tl
