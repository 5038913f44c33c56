run --json relations_json.tl
