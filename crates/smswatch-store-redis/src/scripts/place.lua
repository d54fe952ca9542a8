-- Begins the scripts that know which log entries are about a message.
-- The ids of a message's entries stand together in a field of `i:BUCKET` while there are few of them, each
-- in nine bytes: six of milliseconds, three of its number in them. A message of which there are more, or
-- whose id is long, has a sorted set of its own, and an empty field as long as that exists.

local bytes_of_id = 9
-- So many stay in a bucket: its values must not pass 64 bytes, or it is a listpack no more.
local most_in_bucket = 7

local function numbers(id)
  local ms, n = id:match('^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

-- Whether the first id is older than the second, or the same.
local function is_up_to(id, other)
  local ms, n = numbers(id)
  local other_ms, other_n = numbers(other)
  return ms < other_ms or (ms == other_ms and n <= other_n)
end

-- Nothing for an id that does not fit, as there may be when a clock was set back for long.
local function pack(id)
  local ms, n = numbers(id)
  if n >= 16777216 then return nil end
  return struct.pack('>I6I3', ms, n)
end

local function unpack_id(bytes)
  local ms, n = struct.unpack('>I6I3', bytes)
  return string.format('%.0f-%.0f', ms, n)
end

-- A message is named by the two bytes of its bucket and its field.
local function homes(base, message)
  local bucket = message:byte(1) * 256 + message:byte(2)
  local field = message:sub(3)
  return base .. 'i:' .. bucket, base .. 'j:' .. bucket .. ':' .. field, field, #field <= 64
end

