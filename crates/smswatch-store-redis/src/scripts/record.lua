-- Begins the scripts that change records of other kinds than watches.
-- A value is `1 VERSION DUE`, a line feed and the body; DUE is empty where a record has none.

-- Whether the record is of the expected version ('': there is none). What cannot be read is of none.
local function is_as_expected(base, kind, id, expected)
  local value = redis.pcall('HGET', base .. 'g:' .. kind, id)
  if not value then return expected == '' end
  return type(value) == 'string' and value:match('^1 (%d+) %d*\n') == expected
end

-- Writes a record; an empty body removes it. A name or a due time without a record is dropped by whoever
-- comes upon it, a record without them would not be found: so the record comes last, and goes first.
local function write_record(base, kind, id, due, body)
  local records, times, names = base .. 'g:' .. kind, base .. 'h:' .. kind, base .. 'o:' .. kind
  if body == '' then
    redis.call('HDEL', records, id)
    redis.call('ZREM', times, id)
    redis.call('ZREM', names, id)
    return
  end
  local version = redis.call('HINCRBY', base .. 'n', 'version', 1)
  redis.call('ZADD', names, 0, id)
  if due ~= '' then redis.call('ZADD', times, due, id) end
  redis.call('HSET', records, id, string.format('1 %.0f ', version) .. due .. '\n' .. body)
  if due == '' then redis.call('ZREM', times, id) end
end

-- Whether all records of a step are as expected: `count` of them, which begin at ARGV[first].
-- Per record: kind, id, expected version, due time, body.
local function records_are_as_expected(base, first, count)
  for at = first, first + 5 * count - 1, 5 do
    if not is_as_expected(base, ARGV[at], ARGV[at + 1], ARGV[at + 2]) then return false end
  end
  return true
end

-- Writes the same.
local function write_records(base, first, count)
  for at = first, first + 5 * count - 1, 5 do
    write_record(base, ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 4])
  end
end

